"""The change log as it grows, as Server-Sent Events.

The format is that of the HTML standard, section 9.2.6: `id:` is the revision, `event:` the kind of
change, `data:` the change. A block with an `id:` alone moves the client's position and is no event
to it; a line that begins with a colon is a comment.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import msgspec

from service.application.stream import Step, Streams
from service.domain.queries import Query, StreamQuery
from service.errors import InvalidRequest
from service.http.api.changes import CHANGE
from service.http.asgi import Receive, Scope, Send
from service.http.endpoint import Endpoint
from service.http.reply import Headers, encode
from service.http.words import quoted

_log = logging.getLogger("service.http")

# Proxies compress and buffer what they are not told to leave alone.
HEADERS: Final[Headers] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
)
# Milliseconds that a client waits before it connects again, spread so that not all come at once.
_RETRY: Final = (1000, 4000)


@dataclass(frozen=True, slots=True)
class Events:
    """A response that goes on until the client goes or the service stops."""

    streams: Streams
    query: StreamQuery

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = resumed(self.query, dict(scope["headers"]).get(b"last-event-id", b""))
        with self.streams.place():
            async with contextlib.aclosing(self.streams.follow(query)) as steps:
                # The first one before the status: a database that is away is then still a 503.
                first = await anext(steps)
                await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS]})
                if not scope["state"].get("head"):
                    await self._until_it_ends(first, steps, receive, send)
            with contextlib.suppress(OSError):  # a client that is gone, or takes nothing
                async with asyncio.timeout(1):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _until_it_ends(
        self, first: Step, steps: AsyncIterator[Step], receive: Receive, send: Send
    ) -> None:
        sides = (
            asyncio.create_task(_send(first, steps, send)),
            asyncio.create_task(_gone(receive)),
            asyncio.create_task(self.streams.closed.wait()),
        )
        try:
            await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for side in sides:
                side.cancel()
            (failed, *_) = await asyncio.gather(*sides, return_exceptions=True)
        if isinstance(failed, Exception) and not isinstance(failed, OSError):
            _log.error("a stream of changes failed", exc_info=failed)


async def _send(first: Step, steps: AsyncIterator[Step], send: Send) -> None:
    told = first.revision
    block = b"retry: %d\nid: %d\n\n" % (random.randint(*_RETRY), told)  # noqa: S311
    while True:
        # Waits for a slow client, which keeps its place meanwhile: so what is sent but not yet
        # taken is bounded by the number of places.
        await send({"type": "http.response.body", "body": block, "more_body": True})
        step = await anext(steps)
        block, told = render(step, told), step.revision


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def render(step: Step, told: int) -> bytes:
    """A step as it goes over the wire, to a client whose position is `told`."""
    if step.reset:
        return b'id: %d\nevent: reset\ndata: {"revision":%d}\n\n' % (step.revision, step.revision)
    block = b"".join(
        b"id: %d\nevent: %s\ndata: %s\n\n" % (one.revision, one.kind.encode(), encode(one))
        for one in step.changes
    )
    last = step.changes[-1].revision if step.changes else told
    if step.revision > last:  # nothing up to there matches: no need to look there again
        return block + b"id: %d\n\n" % step.revision
    return block or b": nothing new\n\n"


def resumed(query: StreamQuery, last_event_id: bytes) -> StreamQuery:
    """The query from where a client was cut off; raises `InvalidRequest` for what is no id."""
    if not last_event_id:
        return query
    if not re.fullmatch(rb"[0-9]{1,18}", last_event_id):
        shown = quoted(last_event_id.decode("latin-1"))
        raise InvalidRequest(f"Last-Event-ID must be a revision, as events have it, not {shown}")
    return msgspec.structs.replace(query, since=int(last_event_id))


async def follow(streams: Streams, query: StreamQuery) -> Events:
    return Events(streams, query)


def _as_it_is(events: Events, _: Endpoint, __: Query) -> Events:
    return events


STREAM: Final = Endpoint(
    path="/v1/changes/stream",
    operation="streamChanges",
    tag="changes",
    summary="The change log as it grows",
    description=(
        "Server-Sent Events: `id` is the revision, `event` the kind of change, `data` the change "
        "as in `/v1/changes`. Begins after `Last-Event-ID`, else after `since`, else now; a client "
        "that comes back with the last id it got misses nothing and gets nothing twice, in any "
        "region. A comment now and then shows that the connection is alive; a block with an `id` "
        "alone says that no change up to there passes the filter. Where the log ends before the "
        "revision that a client has, since the database was restored from a backup, the event "
        "`reset` says so, after some seconds if a replica might only be behind; its data is "
        '`{"revision": N}`: load anew what you keep, it goes on from N. '
        "A process serves so many streams "
        "and no more: then it is `unavailable` for now."
    ),
    use_case=follow,
    render=_as_it_is,
    media="text/event-stream",
    keep="never",
    endless=True,
    headers={"Last-Event-ID": "The revision after which to go on; set by browsers by themselves."},
    asks={"since": "0", "kind": "price_changed"},
    example=f"retry: 1000\nid: 31415\n\n{render(Step([CHANGE], 31416), 31415).decode()}",
)
