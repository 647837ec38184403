"""A trace of each request, around everything else; only where traces are sent."""

from __future__ import annotations

from service.http.asgi import App, Receive, Scope, Send
from service.tracing import Tracing


class Traced:
    """ASGI middleware: a span from the request to the end of its answer."""

    def __init__(self, app: App, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with self._tracing.request(scope["method"], scope["path"], dict(scope["headers"])):
            await self._app(scope, receive, send)
