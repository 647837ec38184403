"""Litestream, which follows a SQLite file: every second kept, any second of a month restored.

Its program comes with `aicompare[backup]`. Never for the file of a libSQL server, which keeps to
itself what Litestream would have to know.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from service.errors import DatabaseUnusable, NotFound, Unavailable
from service.operations.program import Program, beside
from service.operations.store import split_s3
from service.settings import Settings
from service.storage.opening import open_database

# Every second of the last day can be restored, every 30 seconds of the days before.
_SECONDS_KEPT: Final = "24h"
_LEVELS: Final = ("30s", "5m", "1h")
# Seconds that it has at the end to ship the last write, which else the next start does; and that a
# restore may take.
_LAST: Final = 5
_RESTORE: Final = 3600
# Where it tells how far it has come, and the seconds in which it has to.
_SOCKET: Final = "socket"
_TOLD: Final = 1.0


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
        "shutdown-sync-timeout": f"{_LAST}s",
        "levels": [{"interval": interval} for interval in _LEVELS],
        "logging": {"level": "warn", "stderr": True},
    }


@contextlib.contextmanager
def _configured(settings: Settings, file: Path) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Options and environment for its program, whose socket is beside its configuration."""
    with tempfile.TemporaryDirectory(prefix="aicompare-") as folder:
        config = Path(folder) / "litestream.yml"
        socket = {"enabled": True, "path": str(config.with_name(_SOCKET))}
        # YAML is a superset of JSON.
        config.write_bytes(msgspec.json.encode(configuration(settings, file) | {"socket": socket}))
        # A bundle of certificates named there breaks its client for S3.
        environment = {k: v for k, v in os.environ.items() if k != "AWS_CA_BUNDLE"}
        if settings.backup_s3_key_id and settings.backup_s3_secret:
            environment["LITESTREAM_ACCESS_KEY_ID"] = settings.backup_s3_key_id
            environment["LITESTREAM_SECRET_ACCESS_KEY"] = settings.backup_s3_secret
        yield ["-config", str(config), "-no-expand-env"], environment


@contextlib.contextmanager
def following(settings: Settings, file: Path) -> Iterator[str]:
    """Have Litestream follow a file, started again if it ends; it ends with the last write sent.

    Gives the socket to ask `sent_until`.
    """
    command = (program(), "replicate")
    with (
        _configured(settings, file) as (options, environment),
        beside(Program("litestream", (*command, *options), environment, _LAST + 2)),
    ):
        yield str(Path(options[1]).with_name(_SOCKET))


class _Followed(msgspec.Struct):
    last_sync_at: datetime.datetime | None = None


class _List(msgspec.Struct):
    databases: list[_Followed]


async def sent_until(socket: str) -> datetime.datetime | None:
    """Until when all that was written has arrived; None where Litestream does not tell.

    That goes on while nothing is written, and stands still while something waits to be sent.
    """
    with contextlib.suppress(OSError, TimeoutError, msgspec.MsgspecError):
        async with asyncio.timeout(_TOLD):
            reader, writer = await asyncio.open_unix_connection(socket)
            try:
                writer.write(b"GET /list HTTP/1.0\r\n\r\n")
                answer = await reader.read()
            finally:
                writer.close()
        told = msgspec.json.decode(answer.partition(b"\r\n\r\n")[2], type=_List)
        return min((one.last_sync_at for one in told.databases if one.last_sync_at), default=None)
    return None


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
