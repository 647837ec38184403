"""All routes, one flat list."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

from litestar import Request
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from service.http.api import (
    benchmarks,
    catalog,
    changes,
    compare,
    export,
    health,
    metrics,
    models,
    pricing,
    providers,
    search,
    status,
)
from service.http.api.docs import PAGES, Page, description
from service.http.endpoint import Endpoint, Service
from service.http.front import Spelling
from service.http.openapi import document

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    providers.LIST,
    providers.DETAIL,
    models.LIST,
    models.DETAIL,
    compare.MODELS,
    search.MATCHES,
    catalog.DOCUMENT,
    pricing.LIST,
    benchmarks.LIST,
    changes.LIST,
    changes.FEED,
    export.PROVIDERS,
    export.MODELS,
    export.PRICING,
    export.BENCHMARKS,
    status.STATUS,
    health.LIVE,
    health.READY,
    metrics.METRICS,
)

_BY_PATH: Final = {one.path: one for one in ENDPOINTS if not one.prefix}
_BY_PREFIX: Final = tuple((one.prefix, one) for one in ENDPOINTS if one.prefix)


def find(path: str) -> tuple[Endpoint, str] | None:
    """The read endpoint at a decoded path, and the id in it; for whoever answers in front."""
    if endpoint := _BY_PATH.get(path):
        return endpoint, ""
    for prefix, endpoint in _BY_PREFIX:
        if path.startswith(prefix) and len(path) > len(prefix):
            return endpoint, path[len(prefix) :]
    return None


def handlers(service: Callable[[], Service]) -> list[HTTPRouteHandler]:
    """The routes for the framework; `service` gives what a request works with."""
    pages = (*PAGES, description(functools.partial(document, ENDPOINTS)))
    return [
        *(_endpoint(endpoint, service) for endpoint in ENDPOINTS),
        *(_page(page) for page in pages),
    ]


def _endpoint(endpoint: Endpoint, service: Callable[[], Service]) -> HTTPRouteHandler:
    async def handle(request: Request[Any, Any, Any]) -> ASGIApp:
        id = request.scope["path_params"].get("id", "").removeprefix("/")
        reply: Any = await endpoint.answer(service(), Spelling.of(request.scope), id)
        return reply  # type: ignore[no-any-return]

    return _read(endpoint.path.replace("{id}", "{id:path}"), handle)


def _page(page: Page) -> HTTPRouteHandler:
    made = functools.cache(page.reply)

    async def handle() -> ASGIApp:
        reply: Any = made()
        return reply  # type: ignore[no-any-return]

    return _read(page.path, handle)


def _read(path: str, handle: Callable[..., Any]) -> HTTPRouteHandler:
    return HTTPRouteHandler(path, http_method=[HttpMethod.GET, HttpMethod.HEAD])(handle)
