"""`aicompare stats`: figures for people, the same on each engine."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing

import apsw
import pytest
from click.testing import CliRunner

from service.commands.stats import stats as command
from service.storage import stats as stored
from service.storage.stats import script
from tests.catalog import NOW
from tests.databases import copied, reading
from tests.engines import Engine, Server

pytestmark = pytest.mark.anyio


async def run(engine: Engine, *arguments: str) -> str:
    environment = {"AICOMPARE_DATABASE_URL": engine.writer_url}
    if engine.writer_token:
        environment["AICOMPARE_DATABASE_TOKEN"] = engine.writer_token
    result = await asyncio.to_thread(CliRunner().invoke, command, arguments, env=environment)
    assert result.exit_code == 0, result.output
    return result.output


async def test_figures(server: Server) -> None:
    async with copied(server, "seeded") as engine:
        server.settle(engine)
        async with reading(engine) as reader:
            found = {one.name: one for one in await stored.stats(reader, NOW)}
            plain = json.loads(await run(engine, "--json"))
        text = await run(engine)
    assert list(found) == list(plain)
    for one in found.values():
        assert one.name in text
        for row in one.rows:
            assert len(row) == len(one.columns)
    rows = {row[0]: row[1] for row in found["rows"].rows}
    assert set(rows) >= {"providers", "models", "pricing", "benchmarks", "changes"}
    assert rows["models"] > 0
    assert found["revision"].rows[0][0] == max(row["revision"] for row in plain["revision"])
    largest = [row[1] for row in found["largest providers"].rows]
    assert largest == sorted(largest, reverse=True)
    (ages,) = found["current prices by when they were last confirmed"].rows
    assert len(largest) <= sum(int(str(number)) for number in ages) <= rows["models"]
    assert int(str(found["size"].rows[0][0])) > 10_000
    assert len(found["last runs"].rows) > 0


async def test_the_queries_themselves_run(server: Server) -> None:
    """Pasted into the database's own shell."""
    async with copied(server, "seeded") as engine:
        server.settle(engine)
        async with reading(engine) as reader:
            printed = script(reader.engine, NOW)
            expected = await stored.stats(reader, NOW)
        assert await run(engine, "--sql") != ""
        assert ":" not in "".join(line for line in printed.splitlines() if "T" not in line)
        if server.name == "sqlite":
            with closing(apsw.Connection(engine.writer_url.removeprefix("file:"))) as connection:
                for table, sql in zip(expected, printed.split(";\n")[:-1], strict=True):
                    assert [tuple(row) for row in connection.execute(sql)] == table.rows
