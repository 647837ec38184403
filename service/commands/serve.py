"""`aicompare serve`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import click

from service.commands.database import WAIT, waiting
from service.errors import ServiceError
from service.logs import say
from service.settings import PREFIX, Settings
from service.storage.migrate import check
from service.storage.opening import open_database
from service.storage.options import reader_options
from service.tracing import check as check_tracing

# The server's own lines go where all others go.
_LOGS: Final = {
    "handlers": {},
    "formatters": {},
    "loggers": {"_granian": {"propagate": True}, "granian.access": {"propagate": True}},
}
# What is under way at a stop may take so long. Without a limit a client that takes nothing of its
# answer would keep a worker alive for ever.
STOP_SECONDS: Final = 20
# That a worker keeps at once, busy or idle.
CONNECTIONS: Final = 8192

log = logging.getLogger(__name__)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port to use."
)
@click.option(
    "--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes."
)
@WAIT
@click.option(
    "--with-backup",
    is_flag=True,
    help="Make backups, in ./backups unless set; of a SQLite file, Litestream keeps every second.",
)
@click.pass_obj
def serve(
    settings: Settings, host: str, port: int, workers: int, wait: float, with_backup: bool
) -> None:
    """Serve the HTTP API; needs a database at the right schema."""
    asyncio.run(_check_database(settings, wait))
    check_tracing(settings)
    address = _free_address(host, port)
    # After the checks, so that a bad database is told without the server's start-up time.
    from granian import Granian
    from granian.constants import Interfaces
    from granian.http import HTTP1Settings, HTTP2Settings
    from granian.log import LogLevels

    shown = f"[{host}]" if ":" in host else host
    say(f"serving http://{shown}:{port}: pages at /, reference at /docs, admin at /admin")
    server = Granian(
        "service.app:from_environment",
        factory=True,
        interface=Interfaces.ASGI,
        # A wish to leave HTTP is passed over, as HTTP has it: there is an answer in its place.
        websockets=False,
        address=address,
        port=port,
        workers=workers,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        backlog=CONNECTIONS,
        # Idle connections count as well: by default a thousand of them shut everybody else out.
        backpressure=CONNECTIONS,
        # A client has ten seconds for its headers, and a connection keeps no more of what it sends.
        http1_settings=HTTP1Settings(header_read_timeout=10_000, max_buffer_size=65_536),
        http2_settings=HTTP2Settings(max_headers_size=65_536),
        log_level=LogLevels(settings.log_level),
        log_dictconfig=_LOGS,
    )
    _raise_file_limit()
    with _metrics_folder(settings, workers), _backup(settings, with_backup):
        server.serve()


@contextlib.contextmanager
def _backup(settings: Settings, wanted: bool) -> Iterator[None]:
    """Litestream beside the workers, which make the daily backups where they know where to."""
    if not wanted:
        yield
        return
    from service.operations.litestream import file_of, following

    to = settings.backup_to or "backups"
    os.environ[f"{PREFIX}BACKUP_TO"] = to
    if (file := file_of(settings.database_url)) is None:
        yield
        return
    with following(replace(settings, backup_to=to), file) as socket:
        os.environ[f"{PREFIX}LITESTREAM_SOCKET"] = socket
        yield


def _raise_file_limit() -> None:
    """As many files as the system allows: the usual 1,024 are fewer than the connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CONNECTIONS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


@contextlib.contextmanager
def _metrics_folder(settings: Settings, workers: int) -> Iterator[None]:
    """Where several workers tell each other their figures: any of them may be asked for all.

    In memory where the system has files there, which works with a read-only disk as well. Without
    any place each worker tells its own.
    """
    if workers == 1 or settings.metrics_folder:
        yield
        return
    memory = "/dev/shm"  # noqa: S108
    parent = memory if os.access(memory, os.W_OK) else None
    with contextlib.ExitStack() as stack:
        try:
            made = tempfile.TemporaryDirectory(prefix="aicompare-metrics-", dir=parent)
            os.environ[f"{PREFIX}METRICS_FOLDER"] = stack.enter_context(made)
        except OSError as error:
            log.warning("workers cannot tell each other their figures: %s", error.strerror)
        yield


async def _check_database(settings: Settings, wait: float) -> None:
    """Raise `DatabaseUnusable` or `Unavailable` where requests could not be answered."""
    database = open_database(settings.database_url, reader_options(settings))
    try:
        await waiting(lambda: check(database), wait, unusable=True)
    finally:
        await database.close()


def _free_address(host: str, port: int) -> str:
    """The IP address of a host; `ServiceError` where the server, with a trace, could not listen."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
        return str(address[0])
    except OSError as error:
        raise ServiceError(
            f"cannot listen on {host}:{port}: {error.strerror}: choose another --host or --port"
        ) from None
