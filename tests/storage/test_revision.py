"""Revisions are given out in the order of commits, without gaps, however many write at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from service.storage.database import Database
from tests.databases import copied, reading, writing
from tests.engines import Engine, Server
from tests.storage.test_change_log import NEWEST, changed
from tests.storage.test_database import rows, sql

pytestmark = pytest.mark.anyio


@pytest.fixture
async def engine_alone(server: Server) -> AsyncIterator[Engine]:
    async with copied(server, "empty") as engine:
        yield engine


async def test_writers_at_once_leave_no_gaps_at_any_moment(engine_alone: Engine) -> None:
    """Whoever reads sees a log without gaps that only grows at its end: revisions are given out
    in the order of commits."""
    writers, each, done = 4, 15, asyncio.Event()
    seen: list[list[int]] = []

    async def write(database: Database, name: str) -> None:
        for i in range(each):
            await database.batch(
                sql("INSERT INTO providers (id, name) VALUES (:id, 'x')", id=f"{name}-{i}"),
                sql("UPDATE providers SET name = name || '!' WHERE id = :id", id=f"{name}-{i}"),
            )

    async def read(database: Database) -> None:
        while not done.is_set():
            seen.append([n for (n,) in await rows(database, "SELECT revision FROM changes")])
            await asyncio.sleep(0.001)

    async with AsyncExitStack() as stack:
        open_ = stack.enter_async_context
        databases = [await open_(writing(engine_alone)) for _ in range(writers)]
        reader = await open_(reading(engine_alone))
        watching = asyncio.create_task(read(reader))
        await asyncio.gather(*(write(db, str(i)) for i, db in enumerate(databases)))
        done.set()
        await watching
        [[newest]] = await rows(databases[0], NEWEST)
        # A write that fails takes no number with it.
        with pytest.raises(Exception, match="already exists"):
            await databases[0].batch(
                sql("INSERT INTO providers (id, name) VALUES ('new', 'x')"),
                sql("INSERT INTO providers (id, name) VALUES ('0-0', 'x')"),
            )
        [(_, key, *_)] = await changed(databases[1], "DELETE FROM providers WHERE id = '0-0'")
        assert key == "0-0"
    assert newest == writers * each * 2
    assert len(seen) > 5
    for numbers in seen:
        assert sorted(numbers) == list(range(1, len(numbers) + 1))
        assert len(numbers) % 2 == 0
