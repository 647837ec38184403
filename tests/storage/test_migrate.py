"""Migrations on every engine, with small folders of files made here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from click.testing import CliRunner, Result

from service.commands.migrate import migrate as command
from service.errors import DatabaseUnusable, ServiceError
from service.storage import migrate
from service.storage.database import Database, DatabaseOptions, SchemaMissing
from service.storage.migrate import Migration, State
from service.storage.opening import open_database
from tests.engines import Engine
from tests.storage.test_database import rows, sql, writer_of

pytestmark = pytest.mark.anyio

FIRST = ("0001_people", "CREATE TABLE people (id TEXT PRIMARY KEY);", "DROP TABLE people;")
SECOND = (
    "0002_pets",
    "CREATE TABLE pets (owner TEXT REFERENCES people (id));\n-- one; two\n"
    "INSERT INTO people VALUES ('ann;');",
    "DELETE FROM people WHERE id = 'ann;';\nDROP TABLE pets;",
)
BROKEN = ("0002_broken", "CREATE TABLE half (id TEXT);\nCREATE nonsense;", "DROP TABLE half;")


def write(folder: Path, *files: tuple[str, str, str], additive: str = "") -> list[Migration]:
    for name, up, down in files:
        text = f"-- migrate:up{additive}\n{up}\n\n-- migrate:down\n{down}\n"
        (folder / f"{name}.sql").write_text(text)
    return migrate.load(folder)


@pytest.fixture
async def database(engine: Engine) -> AsyncIterator[Database]:
    opened = writer_of(engine, deadline=20)
    yield opened
    await opened.close()


def versions(state: State) -> tuple[list[str], list[str]]:
    return [m.version for m in state.applied], [m.version for m in state.pending]


async def test_up_and_down(database: Database, tmp_path: Path) -> None:
    files = write(tmp_path, FIRST, SECOND)
    assert versions(await migrate.inspect(database, files)) == ([], ["0001", "0002"])
    taken: list[str] = []
    await migrate.up(database, files, report=lambda m: taken.append(str(m)))
    assert taken == ["0001_people", "0002_pets"]
    assert versions(await migrate.inspect(database, files)) == (["0001", "0002"], [])
    assert await rows(database, "SELECT id FROM people") == [("ann;",)]
    await migrate.check(database, files)

    await migrate.up(database, files)
    await migrate.down(database, files)
    assert versions(await migrate.inspect(database, files)) == (["0001"], ["0002"])
    assert await rows(database, "SELECT id FROM people") == []
    await migrate.down(database, files, to="0")
    with pytest.raises(SchemaMissing):
        await rows(database, "SELECT id FROM people")
    assert versions(await migrate.inspect(database, files)) == ([], ["0001", "0002"])


async def test_to_a_version(database: Database, tmp_path: Path) -> None:
    files = write(tmp_path, FIRST, SECOND, ("0003_none", "SELECT 1;", "SELECT 1;"))
    await migrate.up(database, files, to="2")
    assert versions(await migrate.inspect(database, files)) == (["0001", "0002"], ["0003"])
    await migrate.up(database, files)
    await migrate.down(database, files, to="0001")
    assert versions(await migrate.inspect(database, files)) == (["0001"], ["0002", "0003"])
    with pytest.raises(DatabaseUnusable, match="there is no migration 0009"):
        await migrate.up(database, files, to="0009")


async def test_a_failure_leaves_nothing_behind(database: Database, tmp_path: Path) -> None:
    files = write(tmp_path, FIRST, BROKEN)
    with pytest.raises(DatabaseUnusable, match="0002_broken failed and changed nothing"):
        await migrate.up(database, files)
    with pytest.raises(SchemaMissing):
        await rows(database, "SELECT id FROM half")
    assert versions(await migrate.inspect(database, files)) == (["0001"], ["0002"])


async def test_a_failure_on_the_way_down_leaves_all_in_place(
    database: Database, tmp_path: Path
) -> None:
    files = write(tmp_path, FIRST, ("0002_t", "CREATE TABLE t (id TEXT);", "DROP TABLE t; DROP x;"))
    await migrate.up(database, files)
    with pytest.raises(DatabaseUnusable, match="0002_t failed and changed nothing"):
        await migrate.down(database, files)
    assert await rows(database, "SELECT id FROM t") == []
    assert versions(await migrate.inspect(database, files)) == (["0001", "0002"], [])


async def test_two_runners_at_once(database: Database, engine: Engine, tmp_path: Path) -> None:
    files = write(
        tmp_path,
        *[(f"000{i}_t", f"CREATE TABLE t{i} (id TEXT);", f"DROP TABLE t{i};") for i in range(1, 9)],
    )
    others = [writer_of(engine, deadline=20) for _ in range(3)]
    runners = [database, *others]
    taken: list[str] = []

    def report(migration: Migration) -> None:
        taken.append(str(migration))

    await asyncio.gather(*[migrate.up(runner, files, report=report) for runner in runners])
    assert taken == [str(migration) for migration in files]
    taken.clear()
    await asyncio.gather(
        *[migrate.down(runner, files, to="0", report=report) for runner in runners]
    )
    assert taken == [str(migration) for migration in reversed(files)]
    for other in others:
        await other.close()


async def test_an_altered_file_is_told(database: Database, tmp_path: Path) -> None:
    await migrate.up(database, write(tmp_path, FIRST))
    altered = write(tmp_path, (FIRST[0], FIRST[1] + "-- more", FIRST[2]))
    for step in (migrate.up, migrate.down, migrate.check):
        with pytest.raises(DatabaseUnusable, match="0001_people was altered after it was applied"):
            await step(database, altered)


async def test_check_says_what_to_do(database: Database, tmp_path: Path) -> None:
    files = write(tmp_path, FIRST, SECOND)
    with pytest.raises(SchemaMissing, match="run `aicompare migrate up`"):
        await migrate.check(database, files)
    await migrate.up(database, files, to="1")
    with pytest.raises(DatabaseUnusable, match="is at 0001, this version needs 0002: run"):
        await migrate.check(database, files)


@pytest.mark.parametrize(("additive", "tolerated"), [("", False), (" additive:true", True)])
async def test_a_newer_schema_is_tolerated_where_it_is_additive(
    database: Database, tmp_path: Path, additive: str, tolerated: bool
) -> None:
    known = write(tmp_path, FIRST)
    await migrate.up(database, write(tmp_path, SECOND, additive=additive))
    if tolerated:
        await migrate.check(database, known)
        await migrate.up(database, known)
    else:
        for step in (migrate.check, migrate.up):
            with pytest.raises(DatabaseUnusable, match=r"0002_pets, which .* upgrade the service"):
                await step(database, known)
    with pytest.raises(DatabaseUnusable, match="0002_pets is unknown here"):
        await migrate.down(database, known)


# Postgres never lets one break.
@pytest.mark.parametrize("server", ["sqlite", "libsql", "libsql-replica"], indirect=True)
async def test_foreign_keys_must_hold_after_a_step(database: Database, tmp_path: Path) -> None:
    files = write(
        tmp_path,
        FIRST,
        SECOND,
        (
            "0003_rebuild",
            "PRAGMA defer_foreign_keys = ON;\nINSERT INTO pets VALUES ('nobody');",
            "SELECT 1;",
        ),
    )
    with pytest.raises(DatabaseUnusable, match="it leaves broken foreign keys"):
        await migrate.up(database, files)
    assert await rows(database, "SELECT owner FROM pets") == []


def test_malformed_folders(tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_text("CREATE TABLE a (id TEXT);")
    with pytest.raises(DatabaseUnusable, match=r"0001_a\.sql is no migration"):
        migrate.load(tmp_path)
    (tmp_path / "0001_a.sql").unlink()
    with pytest.raises(DatabaseUnusable, match="have the same number"):
        write(tmp_path, FIRST, ("0001_b", "", ""))


def test_both_engines_have_the_same_steps() -> None:
    names = {
        engine: [(str(m), m.additive) for m in migrate.load(migrate.folder(engine))]
        for engine in ("sqlite", "postgres")
    }
    assert names["sqlite"] == names["postgres"]
    assert names["sqlite"]


async def test_the_real_steps_up_down_and_up(database: Database) -> None:
    files = migrate.load(migrate.folder(database.engine))
    for _ in range(2):
        await migrate.up(database, files)
        await migrate.check(database)
        await migrate.down(database, files, to="0")
    if database.engine != "postgres":
        left = "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' AND type = 'table'"
        assert await rows(database, left) == [("schema_migrations",)]


async def test_the_dump_loads_again(tmp_path: Path) -> None:
    schema = await migrate.dump()
    assert schema == await migrate.dump()
    with closing(apsw.Connection(":memory:")) as connection:
        connection.execute(schema).fetchall()
        again = "".join(f"\n{sql};\n" for (sql,) in connection.execute(migrate.DUMP))
    assert schema.endswith(again)


def run(*arguments: str, url: str) -> Result:
    return CliRunner().invoke(command, arguments, env={"AICOMPARE_DATABASE_URL": url})


def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    url = f"file:{path}"
    for arguments in (["--dry-run"], ["up", "--dry-run"]):
        shown = run(*arguments, url=url)
        assert "CREATE TABLE providers" in shown.output
    assert run("status", url=url).output.startswith("pending  0001_")
    assert not path.exists()

    assert run("up", url=url).output.startswith("applied 0001_")
    assert run("up", url=url).output == "nothing to do: no migration is pending\n"
    assert run("status", url=url).output.startswith("applied  0001_")
    assert "DROP TABLE providers" in run("down", "--dry-run", "--to", "0", url=url).output
    assert run("down", "--to", "0", url=url).output.rstrip().endswith("took back 0001_catalog")

    assert run("down", "--steps", "1", "--to", "1", url=url).exit_code == 2
    assert isinstance(run("up", "--to", "999", url=url).exception, ServiceError)


async def test_a_dry_run_touches_nothing(database: Database, tmp_path: Path) -> None:
    files = write(tmp_path, FIRST)
    await database.script("CREATE TABLE other (id TEXT);")
    assert [str(m) for m in await migrate.plan_up(database, files)] == ["0001_people"]
    with pytest.raises(SchemaMissing):
        await rows(database, "SELECT version FROM schema_migrations")
    assert await database.fetch(sql("SELECT 1")) == [[(1,)]]


async def test_an_installed_database_may_be_read_only_for_a_check(
    engine: Engine, database: Database, tmp_path: Path
) -> None:
    files = write(tmp_path, FIRST)
    await migrate.up(database, files)
    reader = open_database(engine.writer_url, DatabaseOptions(token=engine.writer_token))
    await migrate.check(reader, files)
    await reader.close()
