"""A server that speaks S3, with a bucket, that can be taken away."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import httpx

from service.settings import Settings
from tests.engines import HTTP, ROOT, Missing, free_port, spawn, wait

S3RVER = ROOT / "node_modules" / ".bin" / "s3rver"
KEY = "S3RVER"


class BucketServer:
    """Its files are in a folder, its key and secret are known."""

    def __init__(self, folder: Path) -> None:
        if not S3RVER.exists():
            raise Missing("no stand-in for S3: `make setup` installs it by npm")
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> dict[str, str]:
        """What makes it the place for backups, by the names of settings."""
        return {
            "backup_to": "s3://backups/some/where",
            "backup_s3_endpoint": f"http://127.0.0.1:{self.port}",
            "backup_s3_key_id": KEY,
            "backup_s3_secret": KEY,
        }

    def start(self) -> None:
        """Start, where it was if it was."""
        self.folder.mkdir(exist_ok=True)
        arguments = [str(S3RVER), "--directory", str(self.folder), "--address", "127.0.0.1"]
        arguments += ["--port", str(self.port), "--configure-bucket", "backups", "--silent"]
        log = self.folder.with_suffix(".log")
        self.process = spawn(arguments, log=log)
        wait(self._answers, self.process, log)

    def stop(self) -> None:
        """Be away."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        with suppress(httpx.TransportError):
            return HTTP.get(f"http://127.0.0.1:{self.port}/").status_code < 500
        return False


def backup_settings(**values: str) -> Settings:
    """Settings that have backups kept somewhere."""
    variables = {f"AICOMPARE_{name.upper()}": value for name, value in values.items()}
    return Settings.from_environment({"PATH": os.environ["PATH"], **variables})
