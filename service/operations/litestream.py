"""Litestream, which follows a SQLite file: every second kept, any second of a month restored.

Its program comes with `aicompare[backup]`. Never for the file of a libSQL server, which keeps to
itself what Litestream would have to know.
"""

from __future__ import annotations

import contextlib
import ctypes
import datetime
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from service.errors import DatabaseUnusable, NotFound, Unavailable
from service.operations.store import split_s3
from service.settings import Settings
from service.storage.opening import open_database

log = logging.getLogger(__name__)

# Every second of the last day can be restored, every 30 seconds of the days before.
_SECONDS_KEPT: Final = "24h"
_LEVELS: Final = ("30s", "5m", "1h")
# Seconds until one that ended by itself is started again, at first and at most.
_AGAIN: Final = (1.0, 60.0)
# Seconds that it has at the end to ship the last write, and that a restore may take.
_LAST: Final = 30
_RESTORE: Final = 3600


def installed() -> str | None:
    """Where its program is."""
    beside = Path(sys.executable).parent / "litestream"
    return str(beside) if beside.is_file() else shutil.which("litestream")


def program() -> str:
    """The same; raises `DatabaseUnusable` where it is nowhere."""
    if (found := installed()) is None:
        raise DatabaseUnusable("Litestream is not installed: install aicompare[backup]")
    return found


def file_of(url: str) -> Path | None:
    """The file of a database that can be followed; None for another engine."""
    if url.partition(":")[0] in ("http", "https", "libsql", "postgresql", "postgres"):
        return None
    from service.storage.sqlite import file_path

    open_database(url)  # a URL that is no file has its own words
    return file_path(url).absolute()


def configuration(settings: Settings, file: Path) -> dict[str, Any]:
    """What Litestream is told; secrets go by its environment."""
    to = settings.backup_to or "backups"
    replica: dict[str, Any] = {"sync-interval": "1s"}
    if to.startswith("s3://"):
        bucket, prefix = split_s3(to)
        replica |= {"type": "s3", "bucket": bucket, "path": f"{prefix}/live".lstrip("/")}
        replica |= {"region": settings.backup_s3_region}
        if settings.backup_s3_endpoint:
            replica |= {"endpoint": settings.backup_s3_endpoint, "force-path-style": True}
    else:
        folder = Path(to.removeprefix("file:")).absolute() / "live"
        replica |= {"type": "file", "path": str(folder)}
    return {
        "dbs": [{"path": str(file), "replica": replica}],
        "snapshot": {"interval": "24h", "retention": f"{settings.backup_days * 24:.2f}h"},
        "l0-retention": _SECONDS_KEPT,
        "levels": [{"interval": interval} for interval in _LEVELS],
        "logging": {"level": "warn", "stderr": True},
    }


@contextlib.contextmanager
def _configured(settings: Settings, file: Path) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Options and environment for its program."""
    # YAML is a superset of JSON.
    with tempfile.NamedTemporaryFile(suffix=".yml") as config:
        config.write(msgspec.json.encode(configuration(settings, file)))
        config.flush()
        # A bundle of certificates named there breaks its client for S3.
        environment = {k: v for k, v in os.environ.items() if k != "AWS_CA_BUNDLE"}
        if settings.backup_s3_key_id and settings.backup_s3_secret:
            environment["LITESTREAM_ACCESS_KEY_ID"] = settings.backup_s3_key_id
            environment["LITESTREAM_SECRET_ACCESS_KEY"] = settings.backup_s3_secret
        yield ["-config", config.name, "-no-expand-env"], environment


@contextlib.contextmanager
def following(settings: Settings, file: Path) -> Iterator[None]:
    """Have Litestream follow a file, started again if it ends; it ends with the last write sent."""
    command = [program(), "replicate"]
    over = threading.Event()
    running: list[subprocess.Popen[bytes]] = []

    def start(options: list[str], environment: dict[str, str]) -> None:
        process = subprocess.Popen(  # noqa: S603
            [*command, *options],
            env=environment,
            stdin=subprocess.DEVNULL,
            # Ctrl-C is for the service, which ends this one last.
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
        running[:] = [process]

    def supervise(options: list[str], environment: dict[str, str]) -> None:
        wait = _AGAIN[0]
        while not over.is_set():
            code = running[0].wait()
            if over.wait(0.1):
                return
            log.error("Litestream ended with code %d: started again in %g s", code, wait)
            if over.wait(wait):
                return
            wait = min(wait * 2, _AGAIN[1])
            start(options, environment)

    with _configured(settings, file) as (options, environment):
        start(options, environment)
        watcher = threading.Thread(target=supervise, args=(options, environment), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            process = running[0]
            process.terminate()
            try:
                process.wait(_LAST)
            except subprocess.TimeoutExpired:
                log.error("Litestream did not end within %d s: the last write may be lost", _LAST)
                process.kill()


def _end_with_parent() -> None:
    """A service that was killed leaves none behind, which the next one would be a second to."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, int(signal.SIGTERM))


def restore(settings: Settings, file: Path, at: datetime.datetime | None, target: Path) -> None:
    """Make a file of what was followed, as it was at a moment.

    Raises `NotFound` where nothing was followed or not yet, `Unavailable` for all else.
    """
    moment = [] if at is None else ["-timestamp", at.astimezone(datetime.UTC).isoformat()]
    with _configured(settings, file) as (options, environment):
        try:
            done = subprocess.run(  # noqa: S603
                [program(), "restore", *options, *moment, "-integrity-check", "full",
                 "-o", str(target), str(file)],
                env=environment, capture_output=True, text=True, timeout=_RESTORE, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Unavailable(f"Litestream did not restore within {_RESTORE} s") from None
    if done.returncode:
        said = done.stderr.strip().splitlines()
        why = said[-1] if said else f"code {done.returncode}"
        if "no matching backup" in why or "not available" in why or "no backup" in why:
            raise NotFound(f"Litestream has nothing of that moment: {why}")
        raise Unavailable(f"Litestream cannot restore: {why}")
