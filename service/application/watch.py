"""What changed, told to the cache: by the process that wrote, and by watching the revision."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from service.application.cache import Cache
from service.errors import ServiceError
from service.storage import changes, status
from service.storage.changes import Touched
from service.storage.database import Database

log = logging.getLogger(__name__)

# Changes that are looked at one by one; after more of them at once nothing kept is worth sparing.
MANY: Final = 5_000
# Seconds that a write waits to be told what it has changed; then it is taken to be anything.
_TELLING: Final = 1.0


def tags_of(touched: Iterable[Touched]) -> set[str]:
    """The tags that changes retire.

    A table's own name stands for whatever spans it, `model:ID` for one model with its prices and
    scores, `provider:ID` for one provider, `models-of:ID` for what its models are.
    """
    tags: set[str] = set()
    for table, row_id, model_id in touched:
        tags.add(table)
        if model_id is None:
            tags.add(f"provider:{row_id}")
        else:
            tags |= {f"model:{model_id}", f"models-of:{model_id.partition('/')[0]}"}
    return tags


async def _changed(database: Database, since: int) -> set[str] | None:
    """The tags that changes after a revision retire; None where they are too many to tell."""
    touched = await changes.touched(database, since, MANY)
    return tags_of(touched) if len(touched) < MANY else None


@dataclass(slots=True)
class Watch:
    """Follows the revision of one database on behalf of one process's cache and streams."""

    reader: Database
    cache: Cache[Any]
    clock: Callable[[], datetime.datetime]
    # Seconds between two looks. A look is one point read.
    interval: float = 0.25
    revision: int | None = None
    _day: datetime.date | None = None
    # A look that took longer must not go back behind the next.
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    # Set, and replaced, when the revision has changed.
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def look(self) -> None:
        """Renew what changed since the last look; raises what the database raises."""
        async with self._looking:
            await self._look()

    async def _look(self) -> None:
        newest = (await status.snapshot(self.reader)).revision
        today = self.clock().astimezone(datetime.UTC).date()
        if self.revision is None:
            # What was asked for before the first look may have been changed before it.
            await self.cache.renew(None, newest)
        elif newest < self.revision or self._day != today:
            # Another database than before, or other current prices: nothing kept is of use.
            self.cache.clear()
        elif newest > self.revision:
            await self.cache.renew(await _changed(self.reader, self.revision), newest)
        moved = newest != self.revision
        self.revision, self._day = newest, today
        if moved:
            self._moved.set()
            self._moved = asyncio.Event()

    async def other(self, revision: int, seconds: float) -> int:
        """Wait until the newest revision is another one, for so long at most; the newest one.

        It is an older one where the database was replaced by an older state of it.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.revision is None or self.revision == revision:
                    await self._moved.wait()
        return revision if self.revision is None else self.revision

    async def wrote(self, writer: Database, revision: int) -> None:
        """Renew what this process itself changed, before it acknowledges the write.

        `writer` may be ahead of the database that is watched, which is looked at all the same.
        """
        if self.revision is None or revision <= self.revision:
            return
        tags = None
        with contextlib.suppress(ServiceError, TimeoutError):
            async with asyncio.timeout(_TELLING):
                tags = await _changed(writer, self.revision)
        await self.cache.renew(tags, revision)

    async def run(self) -> None:
        """Look forever. A database that is away is looked for again; kept answers stay."""
        away = False
        while True:
            try:
                await self.look()
                away = False
            except ServiceError as error:
                if not away:
                    log.warning("cannot watch the database: %s", error.message)
                away = True
            await asyncio.sleep(self.interval)
