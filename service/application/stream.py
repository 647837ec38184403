"""Following the change log: each stream from a position of its own, all woken by one watch."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from service.application.watch import Watch
from service.domain.changes import Change
from service.domain.queries import StreamQuery
from service.errors import Unavailable
from service.storage.changes import Followed, after
from service.storage.database import Database
from service.storage.status import snapshot

# Changes that are read, and wait for a slow client, at once.
PAGE: Final = 50
# Seconds until a database is asked again that was away, or behind what the watch knows.
_PAUSE: Final = 0.5
# Seconds after which a client that was turned away, or cut off, should come back.
_RETRY: Final = 5


class Step(NamedTuple):
    """What a stream sends at once: changes, or none as a sign of life.

    Whoever has it knows all that matches up to `revision`. After a `reset` they do not: the log
    ends at `revision`, before where they were, and what they know beyond is no part of it.
    """

    changes: list[Change]
    revision: int
    reset: bool = False


@dataclass(slots=True, eq=False)
class Streams:
    """The streams of one process."""

    reader: Database
    watch: Watch
    # Streams at once.
    limit: int
    # Seconds without a change after which a stream shows a sign of life.
    heartbeat: float
    # Seconds that the database may be behind a stream until the log is taken to end there.
    patience: float = 0.0
    count: int = 0
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    _reads: dict[StreamQuery, asyncio.Task[Followed]] = field(default_factory=dict)

    def close(self) -> None:
        """End all streams, and take no more."""
        self.closed.set()

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """A place among the streams; raises `Unavailable` where there is none left."""
        if self.closed.is_set():
            raise Unavailable("the service is shutting down: connect again", _RETRY)
        if self.count >= self.limit:
            raise Unavailable(
                f"all {self.limit} streams of this process are taken: try again, or ask "
                "/v1/changes from time to time",
                _RETRY,
            )
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1

    async def follow(self, query: StreamQuery) -> AsyncGenerator[Step, None]:
        """Changes after revision `since`, or from now on, in order, none left out, none twice.

        The first step comes at once and says where the stream begins: then no change is missed by
        whoever is cut off before the first one. A revision that is not known here is waited for
        with `patience`, for a replica that is behind; then the log is that of another, restored
        database, and the stream goes on from where that one is. Raises what the database raises
        before the first step, and nothing after it.
        """
        position = query.since
        if position is None:
            position = (await snapshot(self.reader)).revision
        yield Step([], position)
        clock = asyncio.get_running_loop().time
        shown = clock()
        behind: float | None = None
        while True:
            left = max(0.0, shown + self.heartbeat - clock())
            newest = await self.watch.other(position, left)
            if newest < position:
                await asyncio.sleep(min(_PAUSE, left))
                newest = await self._newest(position)
            if newest >= position:
                behind = None
            elif clock() - (behind := behind or clock()) >= self.patience:
                position, behind, shown = newest, None, clock()
                yield Step([], position, reset=True)
            if newest > position:
                found = await self._read(msgspec.structs.replace(query, since=position))
                if found.revision == position:
                    await asyncio.sleep(min(_PAUSE, left))
                position = found.revision
                if found.changes:
                    yield Step(found.changes, position)
                    shown = clock()
            if clock() - shown >= self.heartbeat:
                yield Step([], position)
                shown = clock()

    async def _read(self, query: StreamQuery) -> Followed:
        """A page after a position; streams that ask for the same at once share one read."""
        task = self._reads.get(query)
        if task is None:
            task = self._reads[query] = asyncio.create_task(self._ask(query))
            task.add_done_callback(lambda _: self._reads.pop(query))
        return await asyncio.shield(task)

    async def _newest(self, otherwise: int) -> int:
        """The newest revision; the watch may not have looked since another process did."""
        try:
            return (await snapshot(self.reader)).revision
        except Unavailable:
            return otherwise

    async def _ask(self, query: StreamQuery) -> Followed:
        assert query.since is not None
        try:
            return await after(self.reader, query, query.since, PAGE)
        except Unavailable:
            return Followed([], query.since)
