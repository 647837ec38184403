"""A database that may be away: not asked in vain, and another one asked in its place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final, TypeVar

from service.errors import DatabaseUnusable, Unavailable
from service.storage.database import Database, Engine, Result, Row, Statement

T = TypeVar("T")

# Failures in a row after which a database is left alone, and for how many seconds.
FAILURES: Final = 3
PAUSE: Final = 1.0


class Breaker:
    """A `Database` that fails at once while the one behind it has been failing.

    After `FAILURES` calls in a row that found it away, calls are `Unavailable` without asking for
    `PAUSE` seconds; then a single one tries, and its outcome decides.
    """

    def __init__(self, database: Database, now: Callable[[], float] = monotonic) -> None:
        self.engine: Engine = database.engine
        self._database = database
        self._now = now
        self._failures = 0
        self._closed_until = 0.0

    async def fetch(self, *statements: Statement) -> list[list[Row]]:
        return await self._call(lambda: self._database.fetch(*statements))

    async def batch(self, *statements: Statement) -> list[Result]:
        return await self._call(lambda: self._database.batch(*statements))

    async def script(self, *parts: Statement | str) -> None:
        await self._call(lambda: self._database.script(*parts))

    async def ping(self) -> None:
        await self._call(self._database.ping)

    async def close(self) -> None:
        await self._database.close()

    async def _call(self, work: Callable[[], Awaitable[T]]) -> T:
        if self._failures >= FAILURES:
            now = self._now()
            if now < self._closed_until:
                raise Unavailable(
                    "the database is away and will be tried again shortly",
                    retry_after=self._closed_until - now,
                )
            # Others wait out one more pause while this call tries.
            self._closed_until = now + PAUSE
        try:
            result = await work()
        except DatabaseUnusable:
            raise
        except Unavailable:
            self._failures += 1
            self._closed_until = self._now() + PAUSE
            raise
        self._failures = 0
        return result


class Failover:
    """A `Database` for reading: at the replica, and at the primary while that is away."""

    def __init__(self, replica: Database, primary: Database) -> None:
        self.engine: Engine = replica.engine
        self._replica, self._primary = replica, primary

    async def fetch(self, *statements: Statement) -> list[list[Row]]:
        try:
            return await self._replica.fetch(*statements)
        except Unavailable:
            return await self._primary.fetch(*statements)

    async def batch(self, *statements: Statement) -> list[Result]:
        return await self._replica.batch(*statements)

    async def script(self, *parts: Statement | str) -> None:
        await self._replica.script(*parts)

    async def ping(self) -> None:
        await self._replica.ping()

    async def close(self) -> None:
        await self._replica.close()
        await self._primary.close()
