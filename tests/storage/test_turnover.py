"""Prices that were dated ahead come into force on their day, also where nobody writes."""

from __future__ import annotations

import datetime

import pytest

from service.application.turnover import turn_over
from service.storage.database import Database, Statement
from tests.databases import copied, writing
from tests.engines import Server

pytestmark = pytest.mark.anyio

EFFECTIVE = Statement(
    "effective", "SELECT model_id, actor FROM changes WHERE kind = 'price_effective'"
)
WRONG = Statement(
    "wrong",
    "SELECT s.model_id FROM listing_source AS s JOIN listing AS l ON l.model_id = s.model_id"
    " WHERE s.price_id <> l.price_id",
)
NEXT = Statement("next", "SELECT min(next_price_date) FROM listing")


async def test_a_new_day(written: Server) -> None:
    async with copied(written, "seeded") as engine, writing(engine) as database:
        (rows,) = await database.fetch(NEXT)
        day = datetime.date.fromisoformat(str(rows[0][0]))
        midnight = datetime.datetime.combine(day, datetime.time(), datetime.UTC)
        await turn_over(database, midnight - datetime.timedelta(seconds=1))
        before = await effective(database)
        assert not await turn_over(database, midnight - datetime.timedelta(seconds=1))
        assert await turn_over(database, midnight)
        after = await effective(database)
        assert len(after) > len(before)
        assert {actor for _, actor in after[len(before) :]} == {"clock"}
        assert not await turn_over(database, midnight + datetime.timedelta(hours=23))
        assert await database.fetch(WRONG) == [[]]


async def effective(database: Database) -> list[tuple[object, ...]]:
    (rows,) = await database.fetch(EFFECTIVE)
    return list(rows)
