"""The outermost layer: what every response has in common, whoever answers.

It wraps the whole application, since the framework runs its own hooks neither for unrouted paths
nor for wrong methods, and it is what a cache will be put behind.
"""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from random import getrandbits
from time import perf_counter
from typing import Final

from service.errors import InvalidRequest, RateLimited, Unavailable
from service.http.asgi import App, Message, Receive, Scope, Send
from service.http.elsewhere import SAFE, Elsewhere
from service.http.errors import refusal_of
from service.http.front import Front, Sent, without_body
from service.http.limits import Limits
from service.http.reply import POLICY, Headers, Reply, matches
from service.http.requests import Requests, log_request
from service.logs import REQUEST_ID
from service.settings import Settings

SECURITY: Final[Headers] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"strict-transport-security", b"max-age=31536000"),
)
_OWN: Final = {
    b"referrer-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}
# Of the admin pages, which are for one person; their forms say where they come from.
PERSONAL: Final[Headers] = (
    *((name, _OWN.get(name, value)) for name, value in SECURITY),
    (b"cross-origin-opener-policy", b"same-origin"),
)
# Reads are open to any page; no credentials, no methods that write.
CORS: Final[Headers] = (
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        b"ETag, Retry-After, Server-Timing, X-Cache, X-Region, X-Request-Id, X-Revision",
    ),
)
PREFLIGHT: Final = Reply(
    204,
    (
        (b"access-control-allow-methods", b"GET, HEAD, OPTIONS"),
        (
            b"access-control-allow-headers",
            b"If-None-Match, Last-Event-ID, Min-Revision, X-Request-Id",
        ),
        (b"access-control-max-age", b"86400"),
        (b"vary", b"Access-Control-Request-Headers, Access-Control-Request-Method"),
    ),
    b"",
)
# A request with one of these is not answered from what is kept for everyone.
PRIVATE: Final = frozenset({b"authorization", b"cookie", b"min-revision"})
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,100}")


class Edge:
    """ASGI middleware: request id, security and CORS headers, HEAD, conditional requests.

    A `GET` that matches `If-None-Match` becomes a 304; an exception that gets here becomes the
    error that the contract knows.
    """

    def __init__(
        self,
        app: App,
        front: Front,
        requests: Requests,
        limits: Limits,
        settings: Settings,
    ) -> None:
        self.framework = app
        self._front = front
        self._requests = requests
        self._limits = limits
        self._settings = settings
        self._elsewhere = Elsewhere.of(settings)
        region: Headers = ()
        if settings.region:
            region = ((b"x-region", settings.region.encode()),)
        self._common: Headers = (*SECURITY, *CORS, *region)
        self._writes: Headers = (*SECURITY, *region)
        self._personal: Headers = (*PERSONAL, *region)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.framework(scope, receive, send)
            return
        begin = perf_counter()
        given = dict(scope["headers"])
        wait = self._limits.wait(scope, given, begin)
        if scope["method"] == "GET" and not wait and PRIVATE.isdisjoint(given):
            sent = self._front.find(
                scope["path"], scope["query_string"], given.get(b"accept-encoding", b"")
            )
            if sent is not None:
                await self._send_kept(scope, sent, given, begin, send)
                return
        request_id = _request_id(given)
        REQUEST_ID.set(request_id.decode())
        method = scope["method"]
        # The framework answers GET for both; the body is dropped below.
        state = {
            **scope.get("state", {}),
            "request_id": request_id.decode(),
            "head": method == "HEAD",
        }
        inner = {**scope, "method": "GET" if method == "HEAD" else method, "state": state}
        personal = is_personal(scope["path"])
        started = silent = begun = False

        async def forward(message: Message) -> None:
            nonlocal started, silent
            if message["type"] == "http.response.start":
                if begun:  # what goes on from here goes on for as long as it is taken
                    deadline.reschedule(None)
                started = True
                silent = method == "HEAD"
                headers = list(message["headers"])
                status = message["status"]
                if status == 200 and (known := given.get(b"if-none-match")):
                    tag = next((value for name, value in headers if name == b"etag"), None)
                    if tag is not None and matches(known, tag):
                        silent, status = True, 304
                        headers = list(without_body(headers))
                if not any(name == POLICY[0] for name, _ in headers):
                    headers.append(POLICY)
                seconds = perf_counter() - begin
                if status == HTTPStatus.UNAUTHORIZED:
                    self._limits.failed(scope, given, begin)
                route = state.get("route", "none")
                self._requests.seen(route, status, seconds)
                if self._settings.access_log != "off":
                    log_request(scope, route, status, seconds)
                common = self._common if method in SAFE else self._writes
                if personal:
                    common = self._personal
                headers += (*common, (b"x-request-id", request_id), _timing(seconds))
                await send({"type": "http.response.start", "status": status, "headers": headers})
            elif message["type"] == "http.response.body" and silent:
                if not message.get("more_body"):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                await send(message)

        limit = self._settings.request_deadline
        deadline = asyncio.timeout(limit)
        try:
            if wait:
                raise RateLimited("too many requests: wait as long as Retry-After says", wait)
            self._check_headers(scope)
            async with deadline:
                begun = True
                if method == "OPTIONS" and b"access-control-request-method" in given:
                    await PREFLIGHT(inner, receive, forward)
                elif (
                    self._elsewhere is not None
                    and (personal or method not in SAFE)
                    and (elsewhere := self._elsewhere.reply(scope)) is not None
                ):
                    await elsewhere(inner, receive, forward)
                else:
                    await self.framework(inner, receive, forward)
        except Exception as error:
            if started:  # too late for another status: the server has to break the connection
                raise
            begun = False
            late = Unavailable(f"no answer could be made within {limit:g} s")
            refusal = refusal_of(
                late if deadline.expired() else error,
                method=method,
                path=scope["path"],
                request_id=request_id.decode(),
            )
            await refusal.json()(inner, receive, forward)

    def _check_headers(self, scope: Scope) -> None:
        """Raises `InvalidRequest` for more than is read of any request."""
        headers, settings = scope["headers"], self._settings
        if len(headers) > settings.max_headers:
            raise InvalidRequest(
                f"the request has {len(headers)} headers: {settings.max_headers} are read at most"
            )
        size = sum(len(name) + len(value) for name, value in headers)
        if size > settings.max_header_bytes:
            raise InvalidRequest(
                f"the headers have {size} bytes: {settings.max_header_bytes} are read at most"
            )

    async def _send_kept(
        self, scope: Scope, sent: Sent, given: dict[bytes, bytes], begin: float, send: Send
    ) -> None:
        """What the framework's way would send, without that way."""
        status, kept, body = 200, sent.hit, sent.body
        if (known := given.get(b"if-none-match")) and matches(known, sent.etag):
            status, kept, body = 304, sent.unchanged, b""
        request_id = (b"x-request-id", _request_id(given))
        seconds = perf_counter() - begin
        self._requests.seen(sent.route, status, seconds)
        if self._settings.access_log == "all":
            REQUEST_ID.set(request_id[1].decode())
            log_request(scope, sent.route, status, seconds)
        headers = [*kept, *self._common, request_id, _timing(seconds)]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def is_personal(path: str) -> bool:
    """Whether a page is an admin's, and belongs where writes go."""
    # The router passes over slashes too many.
    return path.lstrip("/").partition("/")[0] == "admin"


def _request_id(given: dict[bytes, bytes]) -> bytes:
    """The client's own id for the request if it is one, else a new one."""
    request_id = given.get(b"x-request-id")
    if request_id is not None and _REQUEST_ID.fullmatch(request_id):
        return request_id
    return b"%016x" % getrandbits(64)


def _timing(seconds: float) -> tuple[bytes, bytes]:
    return b"server-timing", b"total;dur=%.2f" % (seconds * 1000)
