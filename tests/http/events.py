"""A reader of Server-Sent Events that speaks to the application itself, as a server would."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from service.http.asgi import App


class Event(NamedTuple):
    """A block with data, as a browser would hand it out."""

    id: int
    kind: str
    data: dict[str, Any]


@dataclass(eq=False)
class Listener:
    """One connection. `last` is the id to come back with, which a browser keeps too."""

    status: int
    headers: dict[str, str]
    last: str = ""
    comments: int = 0
    ended: bool = False
    _blocks: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    _rest: bytes = b""

    async def chunk(self) -> bytes:
        """What comes next, raw; raises EOFError where nothing does."""
        if self.ended and self._blocks.empty():
            raise EOFError
        found = await self._blocks.get()
        if not found:
            raise EOFError
        return found

    async def event(self) -> Event:
        """The next event, read as the standard says; raises EOFError."""
        while True:
            while b"\n\n" not in self._rest:
                self._rest += await self.chunk()
            block, _, self._rest = self._rest.partition(b"\n\n")
            fields: dict[str, str] = {}
            for line in block.decode().split("\n"):
                if line.startswith(":"):
                    self.comments += 1
                else:
                    name, _, value = line.partition(": ")
                    assert name in ("id", "event", "data", "retry"), line
                    assert name not in fields
                    fields[name] = value
            self.last = fields.get("id", self.last)
            if "data" in fields:
                data = json.loads(fields["data"], parse_float=Decimal)
                return Event(int(self.last), fields["event"], data)

    async def events(self, count: int, seconds: float = 60) -> list[Event]:
        async with asyncio.timeout(seconds):
            return [await self.event() for _ in range(count)]

    async def begun(self) -> None:
        """Wait until the stream has said where it begins."""
        self._rest += await self.chunk()
        self.last = self._rest.split(b"id: ")[1].split(b"\n")[0].decode()


@contextlib.asynccontextmanager
async def listening(
    app: App,
    query: str = "",
    last: str | None = None,
    *,
    method: str = "GET",
    buffer: int = 2,
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> AsyncIterator[Listener]:
    """Connect, and disconnect at the end; `buffer` chunks at most wait for the reader."""
    if last is not None:
        headers = (*headers, (b"last-event-id", last.encode()))
    gone = asyncio.Event()
    started: asyncio.Future[Listener] = asyncio.get_running_loop().create_future()
    requests = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        if requests:
            return requests.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            given = {name.decode(): value.decode() for name, value in message["headers"]}
            listener = Listener(message["status"], given)
            listener._blocks = asyncio.Queue(buffer)
            started.set_result(listener)
            return
        listener = started.result()
        if message["body"]:
            await listener._blocks.put(message["body"])
        if not message.get("more_body"):
            listener.ended = True
            with contextlib.suppress(asyncio.QueueFull):
                listener._blocks.put_nowait(b"")

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": "/v1/changes/stream", "raw_path": b"/v1/changes/stream",
        "query_string": query.encode(), "root_path": "", "headers": list(headers),
        "server": ("test", 80), "client": ("127.0.0.1", 1), "state": {}, "extensions": {},
    }  # fmt: skip
    task = asyncio.create_task(app(scope, receive, send))
    try:
        await asyncio.wait((task, started), return_when=asyncio.FIRST_COMPLETED)
        if not started.done():
            await task
        yield started.result()
    finally:
        gone.set()
        async with asyncio.timeout(60):
            await task
