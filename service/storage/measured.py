"""A database whose calls are counted and timed, by the name of what is asked."""

from __future__ import annotations

from collections.abc import Awaitable
from time import perf_counter
from typing import Final, TypeVar

from service.errors import ServiceError, Unavailable
from service.metrics import Registry, observe
from service.storage.database import Database, Engine, Result, Row, Statement

T = TypeVar("T")

# Statements that go around others in one round trip, and do not name it.
_AROUND: Final = frozenset({"snapshot", "write.begin", "write.claim", "write.end"})


class Calls:
    """What there is to tell of calls to databases; `role` is what a database is for here."""

    def __init__(self, registry: Registry) -> None:
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

    def __init__(self, database: Database, calls: Calls, role: str) -> None:
        self.engine: Engine = database.engine
        self._database = database
        self._calls = calls
        self._role = role
        self._under_way = calls.under_way.of(role)

    async def fetch(self, *statements: Statement) -> list[list[Row]]:
        return await self._timed(name_of(statements), self._database.fetch(*statements))

    async def batch(self, *statements: Statement) -> list[Result]:
        return await self._timed(name_of(statements), self._database.batch(*statements))

    async def script(self, *parts: Statement | str) -> None:
        await self._timed("script", self._database.script(*parts))

    async def ping(self) -> None:
        await self._timed("ping", self._database.ping())

    async def close(self) -> None:
        await self._database.close()

    async def _timed(self, name: str, work: Awaitable[T]) -> T:
        labels = (self._role, self.engine, name)
        self._under_way[0] += 1
        begin = perf_counter()
        try:
            return await work
        except ServiceError as error:
            if isinstance(error, Unavailable) or error.code == "internal":
                self._calls.errors.add(*labels, error.code)
            raise
        finally:
            observe(self._calls.seconds.of(*labels), perf_counter() - begin)
            self._under_way[0] -= 1


def name_of(statements: tuple[Statement, ...]) -> str:
    """What a round trip is called: the first statement that is its own."""
    own = (one.name for one in statements if one.name not in _AROUND)
    return next(own, statements[0].name if statements else "empty")
