"""A database whose calls are counted and timed, by the name of what is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from time import perf_counter
from typing import Final, TypeVar

from service.errors import ServiceError, Unavailable
from service.metrics import Registry, observe
from service.storage.database import Database, Engine, Result, Row, Statement
from service.storage.slow import Slow
from service.tracing import Tracing

T = TypeVar("T")

# Statements that go around others in one round trip, and do not name it.
_AROUND: Final = frozenset({"snapshot", "write.begin", "write.claim", "write.end"})


class Calls:
    """What there is to tell of calls to databases; `role` is what a database is for here."""

    def __init__(self, registry: Registry, tracing: Tracing | None = None) -> None:
        self.tracing = tracing
        labels = ("database", "engine", "statement")
        self.seconds = registry.histogram(
            "aicompare_database_call_seconds", "Seconds that a round trip to a database took.",
            *labels,
        )  # fmt: skip
        self.errors = registry.counter(
            "aicompare_database_errors_total", "Round trips to a database that failed, by code.",
            *labels, "code",
        )  # fmt: skip
        self.under_way = registry.gauge(
            "aicompare_database_calls_under_way",
            "Round trips that were begun and not ended: what is beyond the pool's size waits.",
            "database",
            across="sum",
        )


class Measured:
    """A `Database` that is measured."""

    def __init__(self, database: Database, calls: Calls, role: str, slow: Slow) -> None:
        self.engine: Engine = database.engine
        self._database = database
        self._calls = calls
        self._role = role
        self._slow = slow
        self._under_way = calls.under_way.of(role)

    async def fetch(self, *statements: Statement) -> list[list[Row]]:
        return await self._timed(self._database.fetch(*statements), statements)

    async def batch(self, *statements: Statement) -> list[Result]:
        return await self._timed(self._database.batch(*statements), statements)

    async def script(self, *parts: Statement | str) -> None:
        await self._timed(self._database.script(*parts), (), "script")

    async def ping(self) -> None:
        await self._timed(self._database.ping(), (), "ping")

    async def close(self) -> None:
        await self._database.close()

    async def _timed(
        self, work: Awaitable[T], statements: Sequence[Statement], name: str | None = None
    ) -> T:
        own = [one for one in statements if one.name not in _AROUND] or statements
        name = name or (own[0].name if own else "nothing")
        labels = (self._role, self.engine, name)
        self._under_way[0] += 1
        begin = perf_counter()
        try:
            if self._calls.tracing is None:
                return await work
            with self._calls.tracing.call(*labels):
                return await work
        except ServiceError as error:
            if isinstance(error, Unavailable) or error.code == "internal":
                self._calls.errors.add(*labels, error.code)
            raise
        finally:
            seconds = perf_counter() - begin
            observe(self._calls.seconds.of(*labels), seconds)
            self._under_way[0] -= 1
            if own and seconds >= self._slow.seconds:
                self._slow.seen(self._database, self._role, name, own, seconds)
