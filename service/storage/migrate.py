"""Migrations: numbered SQL files in dbmate's format, each one atomic step up and down.

`-- migrate:up` and `-- migrate:down` begin the two halves of a file. `-- migrate:up additive:true`
says that code which does not know the step can go on using the schema. That is kept in the
database, because just that code does not have the file.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from service.errors import Conflict, DatabaseUnusable, ServiceError, Unavailable
from service.storage.database import (
    Database,
    DatabaseOptions,
    Engine,
    SchemaMissing,
    Statement,
    Value,
)
from service.storage.frozen import Frozen
from service.storage.opening import open_database

_TABLE = """CREATE TABLE IF NOT EXISTS schema_migrations (
    version TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    additive SMALLINT NOT NULL,
    applied_at TEXT NOT NULL
);
"""
_LIST = Statement("migrate.list", "SELECT version, name, checksum, additive FROM schema_migrations")
# The two guards end the transaction by breaking a NOT NULL constraint, each another one: HTTP
# leaves no other way to look first and go on only if all is well.
_ONLY_IF_APPLIED = """INSERT INTO schema_migrations
    SELECT CAST(:version AS TEXT), NULL, '', 0, ''
    WHERE NOT EXISTS (SELECT 1 FROM schema_migrations WHERE version = :version)"""
_INSERT = """INSERT INTO schema_migrations
    VALUES (:version, :name, :checksum, :additive, :applied_at)"""
_FOREIGN_KEYS_HOLD = """INSERT INTO schema_migrations
    SELECT '', '', NULL, 0, '' FROM pragma_foreign_key_check LIMIT 1"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: the SQL of both directions, and the SHA-256 of its text."""

    version: str
    name: str
    up: str
    down: str
    additive: bool
    checksum: str

    def __str__(self) -> str:
        return f"{self.version}_{self.name}"


@dataclass(frozen=True, slots=True)
class State:
    """What a database has of the known migrations, and what it has beyond them; all in order."""

    applied: tuple[Migration, ...]
    pending: tuple[Migration, ...]
    # Version, name and whether additive.
    unknown: tuple[tuple[str, str, bool], ...]

    @property
    def version(self) -> str:
        versions = [m.version for m in self.applied] + [version for version, _, _ in self.unknown]
        return max(versions, default="empty")


Report = Callable[[Migration], None]


def folder(engine: Engine) -> Path:
    """Where the engine's files are: in an installed package, or beside it in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "migrations"
    root = inside if inside.is_dir() else package.parent / "migrations"
    return root / ("postgres" if engine == "postgres" else "sqlite")


def load(path: Path) -> list[Migration]:
    """Read a folder of migrations, in order. Raises `DatabaseUnusable` for a malformed one."""
    migrations = [_parse(file) for file in sorted(path.glob("*.sql"))]
    versions = [migration.version for migration in migrations]
    if len(set(versions)) != len(versions):
        raise DatabaseUnusable(f"two migrations in {path} have the same number")
    return migrations


async def inspect(database: Frozen, migrations: Sequence[Migration]) -> State:
    """Compare a database with the known migrations; one without a schema has none.

    Raises `DatabaseUnusable` for an applied migration whose file was altered since.
    """
    try:
        [rows] = await database.fetch(_LIST)
    except SchemaMissing:
        rows = []
    found = {str(version): rest for version, *rest in rows}
    known = {migration.version for migration in migrations}
    for migration in migrations:
        if migration.version in found and found[migration.version][1] != migration.checksum:
            raise DatabaseUnusable(
                f"migration {migration} was altered after it was applied: restore the file, and "
                "put the change into a new one"
            )
    return State(
        tuple(m for m in migrations if m.version in found),
        tuple(m for m in migrations if m.version not in found),
        tuple(
            (version, str(name), bool(additive))
            for version, (name, _, additive) in sorted(found.items())
            if version not in known
        ),
    )


async def check(database: Database, migrations: Sequence[Migration] | None = None) -> None:
    """Raise `DatabaseUnusable` unless this code can work with the schema as it is."""
    migrations = load(folder(database.engine)) if migrations is None else migrations
    await database.ping()  # a database that is not there at all has its own words
    state = await inspect(database, migrations)
    tolerate(state)
    if state.pending:
        raise DatabaseUnusable(
            f"the schema is at {state.version}, this version needs {state.pending[-1].version}: "
            "run `aicompare migrate up`"
        )


async def plan_up(
    database: Database, migrations: Sequence[Migration], to: str | None = None
) -> list[Migration]:
    """The steps that `up` would take, in order."""
    state = await inspect(database, migrations)
    tolerate(state)
    last = _find(migrations, to).version if to else ""
    return [m for m in state.pending if not last or m.version <= last]


async def plan_down(
    database: Database, migrations: Sequence[Migration], steps: int = 1, to: str | None = None
) -> list[Migration]:
    """The steps that `down` would take back, newest first; `to` itself stays ("0": none does)."""
    state = await inspect(database, migrations)
    if state.unknown:
        version, name, _ = state.unknown[-1]
        raise DatabaseUnusable(
            f"migration {version}_{name} is unknown here: take it back with the version that has it"
        )
    newest_first = list(reversed(state.applied))
    if to is None:
        return newest_first[:steps]
    if to.strip("0"):
        to = _find(migrations, to).version
        return [m for m in newest_first if m.version > to]
    return newest_first


async def up(
    database: Database,
    migrations: Sequence[Migration],
    to: str | None = None,
    report: Report = lambda migration: None,
) -> None:
    """Apply what is pending; `report` hears of each step that this call took.

    Each step is one transaction that begins with its row: of two runners at once one waits, then
    finds the step done and goes on. Raises `DatabaseUnusable` for a step that failed, which leaves
    nothing behind.
    """
    for migration in await plan_up(database, migrations, to):
        row: dict[str, Value] = {
            "version": migration.version,
            "name": migration.name,
            "checksum": migration.checksum,
            "additive": int(migration.additive),
            "applied_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        step: list[Statement | str] = [_TABLE, Statement("migrate.up", _INSERT, row), migration.up]
        if await _take(database, migrations, migration, step, applied=True):
            report(migration)


async def down(
    database: Database,
    migrations: Sequence[Migration],
    steps: int = 1,
    to: str | None = None,
    report: Report = lambda migration: None,
) -> None:
    """Take back the newest steps, or all after `to`. Raises as `up` does."""
    for migration in await plan_down(database, migrations, steps, to):
        row: dict[str, Value] = {"version": migration.version}
        delete = "DELETE FROM schema_migrations WHERE version = :version"
        step: list[Statement | str] = [
            Statement("migrate.guard", _ONLY_IF_APPLIED, row),
            Statement("migrate.down", delete, row),
            migration.down,
        ]
        if await _take(database, migrations, migration, step, applied=False):
            report(migration)


async def dump(path: Path | None = None) -> str:
    """The SQLite schema after all migrations, as a script; the same text for the same files."""
    migrations = load(path or folder("sqlite"))
    with tempfile.TemporaryDirectory() as temporary:
        url = (Path(temporary) / "schema.db").as_uri()
        database = open_database(url, DatabaseOptions(read_only=False, create=True, deadline=60))
        try:
            await up(database, migrations)
            [rows] = await database.fetch(Statement("migrate.dump", DUMP))
        finally:
            await database.close()
    head = "-- Generated from migrations/sqlite by `make schema`: change those, never this file.\n"
    return head + "".join(f"\n{sql};\n" for (sql,) in rows)


# Tables first, then what needs them; in the order of their making, which is that of the files.
# The tables that a virtual table keeps for itself come with it.
DUMP = """SELECT sql FROM sqlite_schema
    WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite~_%' ESCAPE '~'
      AND name NOT IN (SELECT name FROM pragma_table_list WHERE type = 'shadow')
    ORDER BY CASE type WHEN 'table' THEN 1 WHEN 'index' THEN 2 WHEN 'view' THEN 3 ELSE 4 END, rowid
"""


async def _take(
    database: Database,
    migrations: Sequence[Migration],
    migration: Migration,
    step: Iterable[Statement | str],
    *,
    applied: bool,
) -> bool:
    """Take one step; False if another runner took it meanwhile."""
    guards = []
    if database.engine != "postgres":  # there a broken key cannot come about
        guards.append(Statement("migrate.foreign_keys", _FOREIGN_KEYS_HOLD))
    try:
        await database.script(*step, *guards)
    except Conflict as error:
        state = await inspect(database, migrations)
        if (migration in state.applied) is applied:
            return False
        names = error.details.get("names") if isinstance(error.details, dict) else None
        broken = names == ["schema_migrations.checksum"]
        why = "it leaves broken foreign keys" if broken else error.message
    except Unavailable:
        raise
    except ServiceError as error:
        why = error.message
    else:
        return True
    raise DatabaseUnusable(f"migration {migration} failed and changed nothing: {why}")


def tolerate(state: State) -> None:
    """Raise `DatabaseUnusable` for a schema newer than this code, unless it only adds to it."""
    for version, name, additive in state.unknown:
        if not additive:
            raise DatabaseUnusable(
                f"the schema has {version}_{name}, which this version does not know: "
                "upgrade the service"
            )


def _find(migrations: Sequence[Migration], version: str) -> Migration:
    for migration in migrations:
        if int(migration.version) == (int(version) if version.isdecimal() else None):
            return migration
    raise DatabaseUnusable(f"there is no migration {version}: see `aicompare migrate status`")


_HALVES = re.compile(
    r"^-- migrate:up(?: additive:(?P<additive>true|false))?[ \t]*\n(?P<up>.*?)"
    r"^-- migrate:down[ \t]*\n(?P<down>.*)\Z",
    re.MULTILINE | re.DOTALL,
)


def _parse(file: Path) -> Migration:
    text = file.read_text(encoding="utf-8")
    named = re.fullmatch(r"(\d+)_(\w+)", file.stem)
    halves = _HALVES.search(text)
    if named is None or halves is None:
        raise DatabaseUnusable(
            f"{file.name} is no migration: it is named NNNN_name.sql and has a line "
            "`-- migrate:up` and, after it, a line `-- migrate:down`"
        )
    return Migration(
        version=named[1],
        name=named[2],
        up=halves["up"],
        down=halves["down"],
        additive=halves["additive"] == "true",
        checksum=hashlib.sha256(text.encode()).hexdigest(),
    )
