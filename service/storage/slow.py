"""Round trips that took long, logged with the engine's plan for what was asked."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from service.errors import ServiceError
from service.logs import fields
from service.storage.database import Database, Engine, Row, Statement

log = logging.getLogger(__name__)

# Neither of them runs the statement.
_EXPLAIN: Final[dict[Engine, str]] = {
    "sqlite": "EXPLAIN QUERY PLAN ",
    "libsql": "EXPLAIN QUERY PLAN ",
    "postgres": "EXPLAIN ",
}
# Characters of a plan that are logged.
_LONGEST: Final = 4000


@dataclass(slots=True, eq=False)
class Slow:
    """Logs what takes longer than so many seconds.

    Plans are asked for one at a time: a database that is slow under load has enough to do. One that
    was slow meanwhile is logged without.
    """

    seconds: float
    _asking: set[asyncio.Task[None]] = field(default_factory=set)

    def seen(
        self,
        database: Database,
        role: str,
        name: str,
        statements: Sequence[Statement],
        seconds: float,
    ) -> None:
        """Log a round trip, and ask for its plan in the background."""
        if self._asking:
            _log(database.engine, role, name, seconds, None)
            return
        work = self._explain(database, role, name, statements, seconds)
        task = asyncio.get_running_loop().create_task(work)
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def close(self) -> None:
        """Ask for no plan any more."""
        for task in list(self._asking):
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    async def _explain(
        self,
        database: Database,
        role: str,
        name: str,
        statements: Sequence[Statement],
        seconds: float,
    ) -> None:
        prefix = _EXPLAIN[database.engine]
        plan: list[str] | None = None
        try:
            found = await database.fetch(
                *(Statement("explain", prefix + one.sql.lstrip(), one.params) for one in statements)
            )
            pairs = zip(statements, found, strict=True)
            plan = [f"{one.name}: {_words(rows)}" for one, rows in pairs]
        except ServiceError as error:
            log.debug("no plan of %s: %s", name, error.message)
        _log(database.engine, role, name, seconds, plan)


def _words(rows: list[Row]) -> str:
    """A plan in a line. What was asked for stays out of it: Postgres writes values into plans."""
    text = "; ".join(str(row[-1]).strip() for row in rows)
    return re.sub(r"'(?:[^']|'')*'", "'…'", text)[:_LONGEST]


def _log(engine: Engine, role: str, name: str, seconds: float, plan: list[str] | None) -> None:
    said = fields(database=role, engine=engine, statement=name, milliseconds=round(seconds * 1000))
    if plan is not None:
        said["fields"]["plan"] = plan
    log.warning("slow query %s", name, extra=said)
