"""The wiring: settings in, an ASGI application out. Nothing else knows how the parts are joined."""

from __future__ import annotations

import asyncio
import datetime
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, cast

from litestar import Litestar

from service.application.cache import BoundedMemory, Cache
from service.application.watch import Watch
from service.http.asgi import App
from service.http.edge import Edge
from service.http.elsewhere import Elsewhere
from service.http.endpoint import Service
from service.http.errors import handle
from service.http.front import Front, Kept
from service.http.routes import handlers
from service.settings import Settings
from service.storage.database import Database, DatabaseOptions, open_database
from service.storage.failover import Breaker, Failover

Clock = Callable[[], datetime.datetime]


def utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def create_app(settings: Settings, *, clock: Clock = utc_now) -> App:
    """The service as an ASGI application; databases are opened at startup, closed at shutdown."""
    service: Service | None = None
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

            def connect(url: str, options: DatabaseOptions) -> Database:
                database = Breaker(open_database(url, options))
                databases.push_async_callback(database.close)
                return database

            replica = connect(settings.database_url, reader_options(settings))
            reader, primary = replica, None
            if settings.primary_database_url:
                primary = connect(settings.primary_database_url, primary_options(settings))
                reader = Failover(replica, primary)
            watch = Watch(replica, cache, clock, settings.watch_interval)
            service = Service(reader, primary, settings, clock, front, watch)
            watching = asyncio.create_task(watch.run())
            yield
            watching.cancel()
            service = None

    app = Litestar(
        route_handlers=handlers(get_service),
        lifespan=[lifespan],
        exception_handlers={Exception: handle},
        request_max_body_size=settings.max_body_bytes,
        # The OpenAPI document is made from the endpoints, logs go through the standard library.
        openapi_config=None,
        logging_config=None,
    )
    return Edge(cast("Any", app), front, Elsewhere.of(settings), region=settings.region)


def reader_options(settings: Settings) -> DatabaseOptions:
    """How to connect for reading."""
    return DatabaseOptions(
        token=settings.database_token,
        read_only=True,
        deadline=settings.database_deadline,
        pool_size=settings.database_pool_size,
    )


def primary_options(settings: Settings) -> DatabaseOptions:
    """How to connect for asking the primary."""
    return replace(reader_options(settings), token=settings.primary_database_token)


def from_environment() -> App:
    """What a server's worker process runs; raises `InvalidSettings`."""
    settings = Settings.from_environment(os.environ)
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    return create_app(settings)
