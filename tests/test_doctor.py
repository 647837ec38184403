"""`aicompare doctor`: it finds what is damaged, and makes anew what can be."""

from __future__ import annotations

import asyncio
from contextlib import closing

import apsw
import pytest
from click.testing import CliRunner, Result

from service.application import doctor
from service.commands.doctor import doctor as command
from service.storage.database import Database
from tests.catalog import NOW, TODAY
from tests.databases import copied, writing
from tests.engines import Engine, Server
from tests.storage.test_database import rows, sql

pytestmark = pytest.mark.anyio

CHECKS = ["listing", "search index", "foreign keys", "price day", "change log"]
FORGET = "INSERT INTO listing_search (listing_search, rowid, search_text) VALUES ('delete', {}, {})"


async def wrong(database: Database) -> dict[str, str]:
    """What is found wrong, by the name of the check."""
    checks = await doctor.examine(database, today=TODAY)
    assert [check.name for check in checks] == CHECKS
    return {check.name: check.found for check in checks if not check.good}


async def test_a_sound_database(server: Server) -> None:
    for kind, models in (("empty", 0), ("seeded", 18)):
        async with copied(server, kind) as engine, writing(engine) as database:  # type: ignore[arg-type]
            await doctor.rebuild(database, now=NOW)
            found = await doctor.examine(database, today=TODAY)
            assert all(check.good for check in found), found
            assert found[0].found.startswith(f"{models} models")


DAMAGE = [
    ("UPDATE listing SET input_price = 1 WHERE model_id = 'openai/gpt-5'", "1 rows wrong"),
    ("UPDATE listing SET family = NULL", "rows wrong"),
    ("DELETE FROM listing WHERE provider_id = 'openai'", "4 models missing, 0 rows wrong"),
    (
        "INSERT INTO listing (model_id, provider_id, name_folded, search_text, mode, bits,"
        " deprecated, updated_at) VALUES ('openai/davinci', 'openai', 'x', 'x', 'chat', 0, 0, 'x')",
        "0 models missing, 1 rows wrong",
    ),
    ("UPDATE listing_counts SET models = models + 1000", "0 models missing, 0 rows wrong"),
    ("DELETE FROM listing_counts WHERE deprecated = 1", "counts wrong"),
    ("DELETE FROM listing_prices WHERE starts < 0", "0 counts wrong, 18 periods of prices wrong"),
    ("UPDATE listing_prices SET output_price = 1 WHERE input_price = 0", "periods of prices wrong"),
]


@pytest.mark.parametrize(("statement", "found"), DAMAGE)
async def test_a_damaged_listing_is_found_and_made_anew(
    server: Server, statement: str, found: str
) -> None:
    async with copied(server, "seeded") as engine, writing(engine) as database:
        before = await rows(database, "SELECT * FROM listing_source ORDER BY model_id")
        log = await rows(database, "SELECT max(revision) FROM changes")
        await database.batch(sql(statement))
        assert found in (await wrong(database))["listing"]
        assert await doctor.rebuild(database, now=NOW) == 18
        assert await wrong(database) == {}
        after = "SELECT * FROM listing_source ORDER BY model_id"
        assert await rows(database, after) == before
        assert await rows(database, "SELECT max(revision) FROM changes") == log


@pytest.mark.parametrize(
    "statement",
    [
        FORGET.format(1, "(SELECT search_text FROM listing_words WHERE number = 1)"),
        FORGET.format(1, "'something else'"),
        "INSERT INTO listing_search (rowid, search_text) VALUES (999, 'claude')",
        "INSERT INTO listing_search (listing_search) VALUES ('delete-all')",
    ],
)
async def test_a_damaged_search_index_is_found_and_made_anew(
    server: Server, statement: str
) -> None:
    if server.name == "postgres":
        return  # its index is one like any other
    async with copied(server, "seeded") as engine, writing(engine) as database:
        await database.batch(sql(statement))
        assert list(await wrong(database)) == ["search index"]
        await doctor.rebuild(database, now=NOW)
        assert await wrong(database) == {}


async def test_rows_without_a_parent_are_found(server: Server) -> None:
    async with copied(server, "seeded") as engine:
        if server.name == "sqlite":
            with closing(apsw.Connection(engine.writer_url.removeprefix("file:"))) as file:
                file.execute("DELETE FROM models WHERE id = 'openai/gpt-5'").fetchall()
        elif server.name == "postgres":
            async with writing(engine) as database:
                await database.script(
                    "ALTER TABLE pricing DROP CONSTRAINT pricing_model_id_fkey;"
                    "ALTER TABLE benchmarks DROP CONSTRAINT benchmarks_model_id_fkey;"
                    "DELETE FROM models WHERE id = 'openai/gpt-5';"
                )
        else:
            return  # the server lets nobody turn foreign keys off
        async with writing(engine) as database:
            found = (await wrong(database))["foreign keys"]
    assert "4 rows by pricing.model_id, 3 rows by benchmarks.model_id" in found


@pytest.mark.parametrize(
    ("statement", "check", "found"),
    [
        ("UPDATE catalog_state SET price_day = '2026-11-20'", "price day", "2026-11-20, and today"),
        ("DELETE FROM changes WHERE revision IN (3, 5, 6)", "change log", "3 revisions missing"),
        ("DELETE FROM changes WHERE changed_at > '2026-04'", "change log", "5 rows changed after"),
    ],
)
async def test_other_damage_is_found(
    server: Server, statement: str, check: str, found: str
) -> None:
    async with copied(server, "seeded") as engine, writing(engine) as database:
        await database.batch(sql(statement))
        faults = await wrong(database)
        assert found in faults[check]
        assert set(faults) == {check}


async def run(engine: Engine, *arguments: str) -> Result:
    """The command, in a thread since it has an event loop of its own."""
    environment = {"AICOMPARE_DATABASE_URL": engine.writer_url}
    if engine.writer_token:
        environment["AICOMPARE_DATABASE_TOKEN"] = engine.writer_token
    return await asyncio.to_thread(CliRunner().invoke, command, arguments, env=environment)


async def test_the_command(server: Server) -> None:
    async with copied(server, "seeded") as engine:
        result = await run(engine, "--rebuild")
        assert result.exit_code == 0, result.output
        lines = result.output.splitlines()
        assert lines[0] == "rebuilt the listing: 18 models"
        assert [line.split(":")[0] for line in lines[1:]] == [f"ok     {name}" for name in CHECKS]
        assert (await run(engine)).exit_code == 0

        async with writing(engine) as database:
            await database.batch(sql(DAMAGE[0][0]))
        result = await run(engine)
        assert result.exit_code == 1
        [line] = [line for line in result.output.splitlines() if not line.startswith("ok")]
        assert line == (
            "WRONG  listing: 0 models missing, 1 rows wrong, 0 counts wrong, "
            "0 periods of prices wrong: run `aicompare doctor --rebuild`"
        )
        assert (await run(engine, "--rebuild")).exit_code == 0
