"""The wiring: settings in, an ASGI application out. Nothing else knows how the parts are joined."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import functools
import gc
import math
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from litestar import Litestar

from service.application import runs
from service.application.cache import BoundedMemory, Cache
from service.application.dispatch import Dispatcher
from service.application.metrics import Metrics, SentUntil
from service.application.stream import Streams
from service.application.turnover import turn_over
from service.application.watch import Watch
from service.errors import ServiceError
from service.http.asgi import App
from service.http.edge import Edge
from service.http.elsewhere import Elsewhere
from service.http.endpoint import Service
from service.http.errors import handle
from service.http.front import Front, Kept
from service.http.limits import Limits
from service.http.reply import encode
from service.http.requests import Requests
from service.http.routes import handlers
from service.http.stopping import at_stop, end_with_parent
from service.http.traced import Traced
from service.logs import configure
from service.metrics import Registry
from service.operations.schedule import Schedule
from service.settings import Settings
from service.storage.database import Database, DatabaseOptions
from service.storage.failover import Breaker, Failover
from service.storage.measured import Calls, Measured
from service.storage.opening import open_database
from service.storage.options import primary_options, reader_options, writer_options
from service.storage.slow import Slow
from service.tracing import Tracing

if TYPE_CHECKING:
    from litestar.plugins import PluginProtocol

    from service.application.posting import Poster

# Seconds that a replica may be behind what a client has seen elsewhere.
_BEHIND: Final = 10.0

Clock = Callable[[], datetime.datetime]


def utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class _Framework(Litestar):
    """Litestar without the plugins that it would add because pydantic happens to be installed.

    No handler uses them, and they cost a start 0.3 s and each worker some MiB.
    """

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return plugins


def create_app(settings: Settings, *, clock: Clock = utc_now) -> App:
    """The service as an ASGI application; databases are opened at startup, closed at shutdown."""
    service: Service | None = None
    registry = Registry(settings.metrics_folder)
    tracing = Tracing.of(settings)
    calls = Calls(registry, tracing)
    cache: Cache[Kept] = Cache(BoundedMemory(settings.cache_entries, settings.cache_bytes))
    front = Front(
        cache,
        {
            "list": settings.cache_list_seconds,
            "detail": settings.cache_detail_seconds,
            "prices": settings.cache_prices_seconds,
        },
    )

    def get_service() -> Service:
        assert service is not None, "a request came before the lifespan's startup"
        return service

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        nonlocal service
        async with AsyncExitStack() as databases:

            def connect(role: str, url: str, options: DatabaseOptions) -> Database:
                database = Breaker(Measured(open_database(url, options), calls, role, slow))
                databases.push_async_callback(database.close)
                pools[role] = options.pool_size
                return database

            if tracing is not None:
                databases.push_async_callback(tracing.close)
            slow = Slow(settings.slow_query_seconds or math.inf)
            pools: dict[str, int] = {}
            replica = connect("reader", settings.database_url, reader_options(settings))
            reader, primary = replica, None
            if settings.primary_database_url and settings.reads_elsewhere:
                primary = connect(
                    "primary", settings.primary_database_url, primary_options(settings)
                )
                reader = Failover(replica, primary)
            watch = Watch(replica, cache, clock, settings.watch_interval)
            writer = connect(
                "writer",
                settings.writer_url,
                writer_options(settings),
            )
            databases.push_async_callback(slow.close)
            streams = Streams(reader, watch, settings.stream_limit, settings.stream_heartbeat)
            if primary is not None or reader.engine == "libsql":
                streams.patience = _BEHIND
            watched = writer if settings.in_primary_region else None
            sent_until = _sent_until(settings)
            metrics = Metrics(
                registry, reader, primary, watched, cache, streams, clock, pools, sent_until
            )
            service = Service(
                reader, primary, writer, settings, clock, front, watch, streams, metrics
            )
            tasks = [asyncio.create_task(watch.run())]
            if settings.metrics_folder:
                tasks.append(asyncio.create_task(metrics.tell()))
            if Elsewhere.of(settings) is None:
                tasks.append(asyncio.create_task(_keep_house(writer, settings, clock)))
            if settings.in_primary_region:
                tasks.append(
                    asyncio.create_task(_dispatcher(writer, watch, settings, clock, registry).run())
                )
                if settings.backup_to:
                    tasks.append(asyncio.create_task(Schedule(writer, settings, clock).run()))
            with at_stop(streams.close):
                yield
            streams.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            service = None

    app = _Framework(
        route_handlers=handlers(get_service),
        lifespan=[lifespan],
        exception_handlers={Exception: handle},
        request_max_body_size=settings.max_body_bytes,
        # The OpenAPI document is made from the endpoints, logs go through the standard library.
        openapi_config=None,
        logging_config=None,
    )
    limits = Limits(settings, registry)
    if tracing is None:
        return Edge(cast("Any", app), front, Requests(registry), limits, settings)
    requests = Requests(registry, tracing.answered)
    return Traced(Edge(cast("Any", app), front, requests, limits, settings), tracing)


def _sent_until(settings: Settings) -> SentUntil | None:
    """What tells how far Litestream has come, where it follows the database."""
    if settings.litestream_socket is None:
        return None
    from service.operations import litestream

    return functools.partial(litestream.sent_until, settings.litestream_socket)


def _dispatcher(
    writer: Database, watch: Watch, settings: Settings, clock: Clock, registry: Registry
) -> Dispatcher:
    """What sends webhooks; of all processes that have one, a single one does."""

    def poster() -> Poster:
        # Imported when there is a webhook: it costs a start some time and memory.
        from service.application.posting import Poster

        return Poster(settings.webhook_deadline, anywhere=settings.webhook_targets == "any")

    patience = datetime.timedelta(days=settings.webhook_pause_days)
    return Dispatcher(writer, watch, clock, encode, poster, patience, registry)


async def _keep_house(writer: Database, settings: Settings, clock: Clock) -> None:
    """Close the runs of dead pipelines and bring a new day's prices into force, forever.

    A database that is away is tried again.
    """
    while True:
        await asyncio.sleep(max(1.0, min(60.0, settings.run_timeout / 4)))
        with contextlib.suppress(ServiceError):
            await runs.close_abandoned(writer, clock(), settings.run_timeout)
            await turn_over(writer, clock())


def from_environment() -> App:
    """What a server's worker process runs; raises `InvalidSettings`."""
    settings = Settings.from_environment(os.environ)
    configure(settings)
    end_with_parent()
    app = create_app(settings)
    # What is there now stays: a full collection, which holds up every answer, is not to go through
    # it each time.
    gc.freeze()
    return app
