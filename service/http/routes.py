"""All routes, one flat list."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, TypeAlias

from litestar import Request
from litestar.enums import HttpMethod
from litestar.exceptions import MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from service.http import explorer
from service.http.action import Action
from service.http.admin.page import AdminPage
from service.http.admin.routes import ADMIN
from service.http.api import (
    benchmarks,
    catalog,
    changes,
    compare,
    edits,
    export,
    health,
    locks,
    metrics,
    models,
    pipeline,
    pricing,
    providers,
    search,
    status,
    stream,
)
from service.http.api.docs import FILES, description
from service.http.endpoint import Endpoint, Service
from service.http.errors import refusal_to
from service.http.fixed import Fixed
from service.http.front import Spelling
from service.http.openapi import document
from service.http.pages import assets
from service.http.pages.page import Page
from service.http.reply import Reply

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
    stream.STREAM,
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
# What answers in HTML; no part of the API.
PAGES: Final[tuple[Page, ...]] = explorer.PAGES
ACTIONS: Final[tuple[Action, ...]] = (*pipeline.ACTIONS, *edits.ACTIONS, *locks.ACTIONS)

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


Handle: TypeAlias = Callable[[Request[Any, Any, Any]], Awaitable[ASGIApp]]


class Route(NamedTuple):
    """One method at one path of the router's, and who answers it."""

    path: str
    method: str
    handle: Handle
    # Whether a decoded path is this one's: one of the router's may be another's as well.
    fits: Callable[[str], bool] = lambda path: True


def handlers(service: Callable[[], Service]) -> list[HTTPRouteHandler]:
    """The routes for the framework; `service` gives what a request works with."""
    files = (*FILES, description(functools.partial(document, ENDPOINTS, ACTIONS)))
    found: dict[str, dict[str, Route]] = {}
    for route in (
        *(_endpoint(endpoint, service) for endpoint in (*ENDPOINTS, *PAGES)),
        *(_action(action, service) for action in ACTIONS),
        *(_admin(page, service) for page in ADMIN),
        *(_fixed(file) for file in files),
        Route("/assets/{name:path}", "GET", _asset),
    ):
        found.setdefault(route.path, {})[route.method] = route
    return [_handler(path, by_method) for path, by_method in found.items()]


def _handler(path: str, by_method: dict[str, Route]) -> HTTPRouteHandler:
    """All methods of a path, and OPTIONS, which tells those of the very path that is asked."""

    async def handle(request: Request[Any, Any, Any]) -> ASGIApp:
        route, asked = by_method.get(request.method), request.scope["path"]
        if route is not None and route.fits(asked):
            return await route.handle(request)
        methods = {method for method, one in by_method.items() if one.fits(asked)}
        if not methods:
            raise NotFoundException
        methods |= {"OPTIONS", "HEAD"} if "GET" in methods else {"OPTIONS"}
        allow = ", ".join(sorted(methods))
        if route is not None:
            raise MethodNotAllowedException(headers={"Allow": allow})
        reply: Any = Reply(204, ((b"allow", allow.encode()),), b"")
        return reply  # type: ignore[no-any-return]

    methods = [HttpMethod(method) for method in (*by_method, "OPTIONS")]
    if "GET" in by_method:  # as which a HEAD arrives here
        methods.append(HttpMethod.HEAD)
    return HTTPRouteHandler(path, http_method=methods, status_code=200)(handle)


def _endpoint(endpoint: Endpoint, service: Callable[[], Service]) -> Route:
    async def handle(request: Request[Any, Any, Any]) -> ASGIApp:
        request.scope["state"]["route"] = endpoint.operation
        id = request.scope["path_params"].get("id", "").removeprefix("/")
        try:
            reply: Any = await endpoint.answer(service(), Spelling.of(request.scope), id)
        except Exception as error:
            reply = endpoint.refuse(refusal_to(request, error))
        return reply  # type: ignore[no-any-return]

    return Route(endpoint.path.replace("{id}", "{id:path}"), "GET", handle)


def _action(action: Action, service: Callable[[], Service]) -> Route:
    async def handle(request: Request[Any, Any, Any]) -> ASGIApp:
        request.scope["state"]["route"] = action.operation
        names = action.find(request.scope["path"]) or {}
        reply: Any = await action.perform(service(), request, names)
        return reply  # type: ignore[no-any-return]

    return Route(action.route, action.method, handle, lambda path: action.find(path) is not None)


def _admin(page: AdminPage, service: Callable[[], Service]) -> Route:
    async def handle(request: Request[Any, Any, Any]) -> ASGIApp:
        request.scope["state"]["route"] = page.operation
        reply: Any = await page.perform(service(), request)
        return reply  # type: ignore[no-any-return]

    return Route(page.route, page.method, handle)


def _fixed(file: Fixed) -> Route:
    async def handle(request: Request[Any, Any, Any]) -> ASGIApp:
        request.scope["state"]["route"] = "docs"
        reply: Any = file.reply
        return reply  # type: ignore[no-any-return]

    return Route(file.path, "GET", handle)


async def _asset(request: Request[Any, Any, Any]) -> ASGIApp:
    request.scope["state"]["route"] = "asset"
    name = request.scope["path_params"]["name"].removeprefix("/")
    reply: Any = assets.reply_to(name, dict(request.scope["headers"]).get(b"accept-encoding", b""))
    return reply  # type: ignore[no-any-return]
