"""Export and import: exact from and into every engine, all or nothing."""

from __future__ import annotations

import asyncio
import datetime
import json
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from service.application import doctor
from service.errors import Conflict, DatabaseUnusable
from service.operations.manifest import Unusable, read_manifest
from service.operations.portable import Place, compare, examine, export, import_
from service.storage import migrate
from service.storage.copying import LEFT, TABLES
from service.storage.database import Database, SchemaMissing
from tests.catalog import NOW
from tests.databases import copied, reading, writing
from tests.engines import ROOT, Engine, Server
from tests.operations.conftest import HARD, command, done, filled, place
from tests.storage.test_database import rows, sql

pytestmark = pytest.mark.anyio

Servers = Callable[[str], Server]


def test_every_table_is_copied_or_left_on_purpose() -> None:
    with apsw.Connection(":memory:") as database:
        database.execute((ROOT / "schema.sql").read_text()).fetchall()
        found = database.execute(
            "SELECT name FROM pragma_table_list WHERE type IN ('table', 'virtual')"
        )
        tables = {str(name) for (name,) in found if not str(name).startswith("sqlite_")}
        assert tables == set(TABLES) | LEFT, "say in service/storage/copying.py what becomes of it"
        for table, key in TABLES.items():
            found = database.execute(
                f"SELECT name FROM pragma_table_info('{table}') WHERE pk > 0 ORDER BY pk"
            )
            assert key == tuple(name for (name,) in found)


@pytest.mark.parametrize("target", ["sqlite", "libsql", "postgres"])
async def test_into_every_engine(
    full: Engine, servers: Servers, target: str, tmp_path: Path
) -> None:
    manifest = await export(place(full), tmp_path / "out")
    assert all(manifest.rows.values()), manifest.rows
    new = servers(target).new()
    try:
        assert await import_(tmp_path / "out", place(new)) == manifest
        async with writing(new) as database, writing(full) as source:
            assert await rows(database, "SELECT name FROM providers WHERE id = 'openai'") == [
                (HARD,)
            ]
            logged = "SELECT * FROM changes ORDER BY revision"
            assert await rows(database, logged) == await rows(source, logged)
            listed = "SELECT model_id, bits, price_id, input_price FROM listing ORDER BY model_id"
            assert await rows(database, listed) == await rows(source, listed)
            checks = await doctor.examine(database, today=NOW.date())
            assert all(check.good for check in checks), checks
            # Triggers are back, and revisions go on from where they were.
            await database.batch(sql("UPDATE models SET name = 'New' WHERE id = 'openai/gpt-5'"))
            newest = "SELECT revision, kind FROM changes ORDER BY revision DESC LIMIT 1"
            assert await rows(database, newest) == [(manifest.revision + 1, "model_changed")]
            changed = "SELECT count(*) FROM listing WHERE name_folded = 'new'"
            assert await rows(database, changed) == [(1,)]
            with pytest.raises(SchemaMissing):
                await rows(database, "SELECT count(*) FROM import_pages")
    finally:
        servers(target).drop(new)


async def test_one_state_while_others_write(full: Engine, tmp_path: Path) -> None:
    async def write(database: Database) -> None:
        for number in range(40):
            name = f"n{number}"
            await database.batch(
                sql("UPDATE providers SET name = :name WHERE id = 'google'", name=name),
                sql("UPDATE models SET family = :name WHERE id = 'openai/gpt-5'", name=name),
            )

    async with writing(full) as database:
        task = asyncio.create_task(write(database))
        await asyncio.sleep(0.01)
        await export(place(full), tmp_path / "out")
        await task
    [provider] = [
        row for row in lines(tmp_path / "out" / "providers.ndjson") if row["id"] == "google"
    ]
    [model] = [
        row for row in lines(tmp_path / "out" / "models.ndjson") if row["id"] == "openai/gpt-5"
    ]
    changes = lines(tmp_path / "out" / "changes.ndjson")
    if provider["name"].startswith("n"):
        assert provider["name"] == model["family"]
        assert json.loads(changes[-1]["after"])["family"] == model["family"]


def lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def cut(folder: Path) -> str:
    path = folder / "changes.ndjson"
    path.write_bytes(path.read_bytes()[:-100])
    return "changes.ndjson"


def alter(folder: Path) -> str:
    path = folder / "pricing.ndjson"
    path.write_bytes(path.read_bytes().replace(b"2026", b"2025", 1))
    return "pricing.ndjson"


def lose(folder: Path) -> str:
    (folder / "locks.ndjson").unlink()
    return "locks.ndjson is missing"


def alter_manifest(folder: Path) -> str:
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"revision": ', '"revision": 1'))
    return "manifest.json was altered"


def cut_manifest(folder: Path) -> str:
    path = folder / "manifest.json"
    path.write_bytes(path.read_bytes()[:-50])
    return "manifest.json is no manifest"


def lose_manifest(folder: Path) -> str:
    (folder / "manifest.json").unlink()
    return "it has no manifest.json"


@pytest.mark.parametrize("damage", [cut, alter, lose, alter_manifest, cut_manifest, lose_manifest])
async def test_what_is_damaged_is_named_and_not_imported(
    servers: Servers, damage: Callable[[Path], str], tmp_path: Path
) -> None:
    server = servers("sqlite")
    async with copied(server, "seeded") as source:
        await export(place(source), tmp_path / "out")
    named = damage(tmp_path / "out")
    new = server.new()
    with pytest.raises(Unusable, match=named):
        await import_(tmp_path / "out", place(new))
    with pytest.raises(SchemaMissing):
        await examine(place(new))


async def test_what_is_there_is_not_replaced_unless_forced(written: Server, tmp_path: Path) -> None:
    async with filled(written) as full, copied(written, "seeded") as other:
        manifest = await export(place(full), tmp_path / "out")
        before = await examine(place(other))
        with pytest.raises(Conflict, match="not empty"):
            await import_(tmp_path / "out", place(other))
        assert (await examine(place(other))).tables == before.tables

        folder = str(tmp_path / "out")
        assert "--force" in done(command(other, "import", folder), 1)
        assert "is kept in" in done(command(other, "import", folder, "--force"))
        await compare(manifest, place(other))
        assert read_manifest(tmp_path / "out.before").tables == before.tables
        await import_(tmp_path / "out.before", place(other), force=True)
        await compare(before, place(other))
        written.settle(other)
        async with reading(other) as database:
            assert await rows(database, "SELECT count(*) FROM listing") == [(18,)]


async def test_a_write_that_comes_between_is_not_lost(written: Server, tmp_path: Path) -> None:
    async with copied(written, "seeded") as source, copied(written, "seeded") as other:
        await export(place(source), tmp_path / "out")

        async def write() -> str:
            async with writing(other) as database:
                await database.batch(sql("UPDATE providers SET name = 'Mine' WHERE id = 'google'"))
            return ""

        with pytest.raises(Conflict, match="try again"):
            await import_(tmp_path / "out", place(other), force=True, keep=write)
        async with writing(other) as database:
            found = "SELECT name FROM providers WHERE id = 'google'"
            assert await rows(database, found) == [("Mine",)]
            checks = await doctor.examine(database, today=NOW.date())
            assert all(check.good for check in checks), checks


async def test_an_export_of_an_older_schema(
    server: Server, servers: Servers, tmp_path: Path
) -> None:
    new = server.new()
    try:
        async with copied(servers("sqlite"), "seeded") as source:
            async with writing(source) as database:
                files = migrate.load(migrate.folder(database.engine))
                await migrate.down(database, files, to="0004")
            old = await export(place(source), tmp_path / "out")
        assert max(old.schema) == "0004"
        manifest = await import_(tmp_path / "out", place(new))
        assert manifest.rows["changes"] == old.rows["changes"]
        async with writing(new) as database:
            await migrate.check(database)
    finally:
        server.drop(new)


async def test_an_export_of_a_newer_schema_and_a_folder_in_use(
    tmp_path: Path, servers: Servers
) -> None:
    server = servers("sqlite")
    async with copied(server, "seeded") as source:
        async with writing(source) as database:
            row = "INSERT INTO schema_migrations VALUES ('9999', 'later', 'x', 1, 'x')"
            await database.batch(sql(row))
        await export(place(source), tmp_path / "out")
        with pytest.raises(DatabaseUnusable, match="out is not empty"):
            await export(place(source), tmp_path / "out")
        async with writing(source) as database:
            await database.batch(
                sql("UPDATE schema_migrations SET additive = 0 WHERE version = '9999'")
            )
        with pytest.raises(DatabaseUnusable, match="9999_later, which this version does not know"):
            await export(place(source), tmp_path / "other")
    with pytest.raises(Unusable, match="made with migration 9999"):
        await import_(tmp_path / "out", Place(f"file:{tmp_path}/new.db"))


@pytest.mark.parametrize("moment", [0.5, 0.7])
async def test_killed_on_the_way(written: Server, tmp_path: Path, moment: float) -> None:
    """All of it or nothing, and the next one finds no trace of the first."""
    async with copied(written, "seeded") as source:
        manifest = await export(place(source), tmp_path / "out")
        process = command(source, "export", str(tmp_path / "killed"))
        await asyncio.sleep(moment)
        process.kill()
        process.communicate()
        if (tmp_path / "killed").exists():
            assert read_manifest(tmp_path / "killed").tables == manifest.tables
    async with copied(written, "empty") as engine:
        empty = await examine(place(engine))
        process = command(engine, "import", str(tmp_path / "out"))
        await asyncio.sleep(moment)
        process.kill()
        process.communicate()
        found = await examine(place(engine))
        assert found.tables in (empty.tables, manifest.tables)
        if found.tables == empty.tables:
            done(command(engine, "import", str(tmp_path / "out")))
        await compare(manifest, place(engine))
        assert datetime.datetime.fromisoformat(manifest.made_at)
