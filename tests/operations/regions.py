"""Regions as they are deployed: each one entry point, a libSQL server and the service beside it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from service.operations.keys import make_keys, read_key, token
from tests.engines import SQLD, free_port, spawn
from tests.processes import BOOTSTRAP

AICOMPARE = Path(sys.executable).with_name("aicompare")


@dataclass(slots=True)
class Region:
    """One machine; its ports and folder outlive its process."""

    name: str
    folder: Path
    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    # What the entry point is run by, if not by itself.
    prefix: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def start(self, wait: int = 60) -> None:
        """Start the entry point; it answers some time after."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [
            *self.prefix,
            str(AICOMPARE),
            "node",
            "--port",
            str(self.port),
            "--wait",
            str(wait),
        ]
        self.process = spawn(command, log=self.log, environment=self.environment)

    def children(self) -> dict[str, int]:
        """The process ids below the entry point by what they run."""
        assert self.process
        proc, found = Path("/proc"), {}
        ids = (proc / f"{self.process.pid}/task/{self.process.pid}/children").read_text()
        for id in ids.split():
            with suppress(OSError):
                words = (proc / id / "cmdline").read_bytes().split(b"\0")
                for word in ("serve", "migrate", str(SQLD)):
                    if word.encode() in words:
                        found[Path(word).name] = int(id)
        return found

    async def stop(self) -> int:
        """Stop it in order; its exit code."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(self.process.wait, 60)
        self.process = None
        return code

    async def kill(self) -> None:
        """End it as a crash of the machine would."""
        if self.process is None:
            return
        children = []
        with suppress(OSError):
            children = list(self.children().values())
        for id in (self.process.pid, *children):
            with suppress(ProcessLookupError):
                os.killpg(id, signal.SIGKILL)
        await asyncio.to_thread(self.process.wait)
        self.process = None

    async def ready(self, client: httpx.AsyncClient, seconds: float = 90) -> None:
        """Return when it says that it is."""
        async with asyncio.timeout(seconds):
            while True:
                assert self.process
                assert self.process.poll() is None, self.log.read_text()
                with suppress(httpx.TransportError):
                    if (await client.get(f"{self.url}/health/ready")).status_code == 200:
                        return
                await asyncio.sleep(0.05)


@asynccontextmanager
async def regions(root: Path, *names: str, **environment: str) -> AsyncIterator[list[Region]]:
    """Regions that are not started yet, the first the primary; all are gone afterwards."""
    make_keys(root)
    key, grpc = read_key(root / "libsql.key"), free_port()
    databases = [free_port() for _ in names]
    common = {
        "AICOMPARE_PRIMARY_REGION": names[0],
        "AICOMPARE_DATABASE_TOKEN": token(key, "ro"),
        "AICOMPARE_PRIMARY_DATABASE_URL": f"http://127.0.0.1:{databases[0]}",
        "AICOMPARE_PRIMARY_DATABASE_TOKEN": token(key, "rw"),
        "AICOMPARE_LIBSQL_SERVER": str(SQLD),
        "AICOMPARE_LIBSQL_KEY_FILE": str(root / "libsql.pem"),
        "AICOMPARE_LIBSQL_GRPC_LISTEN": f"127.0.0.1:{grpc}",
        "AICOMPARE_LIBSQL_PRIMARY_URL": f"http://127.0.0.1:{grpc}",
        "AICOMPARE_BOOTSTRAP_TOKEN": BOOTSTRAP,
        "AICOMPARE_DATABASE_DEADLINE": "2",
        **environment,
    }
    made = [
        Region(
            name,
            root / name,
            common
            | {
                "AICOMPARE_REGION": name,
                "AICOMPARE_DATABASE_URL": f"http://127.0.0.1:{port}",
                "AICOMPARE_LIBSQL_FOLDER": str(root / name / "libsql"),
            },
        )
        for name, port in zip(names, databases, strict=True)
    ]
    try:
        yield made
    finally:
        for region in reversed(made):
            await region.kill()
