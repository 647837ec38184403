"""No trigger looks at all rows of a big table: each runs once for each row that changes.

A libSQL server is SQLite 3.45, which plans some statements otherwise than the file's library.
"""

from __future__ import annotations

import re

import pytest

from service.storage.database import Statement
from tests.databases import copied, writing
from tests.engines import Server

pytestmark = pytest.mark.anyio

BIG = {
    *("providers", "models", "pricing", "benchmarks", "changes"),
    *("listing", "listing_prices", "listing_search"),
}
# But the one that runs once a day.
TRIGGERS = Statement(
    "test",
    "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND name <> 'price_day_moved'",
)
VIEWS = Statement("test", "SELECT sql FROM sqlite_schema WHERE type IN ('view', 'trigger')")


@pytest.mark.parametrize("server", ["sqlite", "libsql"], indirect=True)
async def test_triggers(server: Server) -> None:
    scans, looked_at = [], 0
    async with copied(server, "seeded") as engine, writing(engine) as database:
        triggers, sources = await database.fetch(TRIGGERS, VIEWS)
        aliases = {
            alias
            for (sql,) in sources
            for table, alias in re.findall(r"(?:FROM|JOIN)\s+(\w+) AS (\w+)", str(sql))
            if table in BIG
        } | BIG
        for name, sql in triggers:
            body = re.sub(r"--.*", "", str(sql)).partition("BEGIN")[2].rpartition("END")[0]
            for statement in filter(str.strip, body.split(";")):
                if "RAISE" in statement:  # understood in a trigger alone
                    continue
                asked = "EXPLAIN QUERY PLAN " + re.sub(r"\b(?:NEW|OLD)\.\w+", "5", statement)
                [plan] = await database.batch(Statement("test", asked))
                steps = [str(step) for *_, step in plan.rows]
                looked_at += 1
                found = (re.match(r"SCAN (\w+)", step) for step in steps)
                scans += [(name, one[0]) for one in found if one and one[1] in aliases]
    assert looked_at > 40
    assert scans == []
