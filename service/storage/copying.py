"""Whole databases out and in again, row by row and exact, the same from and into every engine.

What comes in waits as pages of JSON beside the tables. One transaction then puts all of it in
place, with triggers set aside: they would log as new what is in the log that comes along.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, cast

from service.errors import Conflict
from service.storage.database import Database, Engine, Row, Statement, Value
from service.storage.doctor import derived
from service.storage.frozen import Frozen
from service.storage.writing import Author, write

# What is copied, a row always after those that it refers to; and the key of each table.
TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "providers": ("id",),
    "models": ("id",),
    "pricing": ("id",),
    "benchmarks": ("id",),
    "changes": ("revision",),
    "catalog_state": ("id",),
    "locks": ("table_name", "row_id", "field"),
    "held_prices": ("id",),
    "pipeline_runs": ("id",),
    "pipeline_batches": ("id",),
    "pipeline_counts": ("batch_id", "table_name"),
    "pipeline_left": ("batch_id", "table_name", "place", "field", "reason"),
    "idempotency_keys": ("actor", "key"),
    "tokens": ("id",),
    "webhooks": ("id",),
    "webhook_deliveries": ("id",),
}
# What stays where it is: derived, or about the processes, browsers and backups of one place.
LEFT: Final = frozenset(
    {
        *("schema_migrations", "listing", "listing_counts", "listing_prices"),
        *("listing_search", "listing_terms"),
        *("webhook_runner", "backups", "backup_runner", "sessions", "sign_in_attempts"),
    }
)
# Tables that hold secrets: hashes of tokens, and keys that sign webhooks.
SECRET: Final = ("tokens", "webhooks")

# Rows of one read, and bytes of one page on the way in: a libSQL server takes 4 MiB.
_ROWS: Final = 1000
PAGE_BYTES: Final = 1_000_000

_COLUMNS: Final[dict[Engine, str]] = {
    "sqlite": "SELECT name, lower(type) FROM pragma_table_info('{table}') ORDER BY name",
    "postgres": """
        SELECT column_name, data_type FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name = '{table}'
        ORDER BY column_name COLLATE "C"
    """,
}
_COLUMNS["libsql"] = _COLUMNS["sqlite"]


class Column(NamedTuple):
    """A column by name, and whether it holds whole numbers."""

    name: str
    number: bool


Columns = Mapping[str, Sequence[Column]]


async def columns_of(db: Frozen) -> Columns:
    """The tables that are copied with their columns; without those of a later schema."""
    found = await db.fetch(
        *(Statement("copying.columns", _COLUMNS[db.engine].format(table=table)) for table in TABLES)
    )
    return {
        table: [Column(cast(str, name), "int" in cast(str, kind)) for name, kind in rows]
        for table, rows in zip(TABLES, found, strict=True)
        if rows
    }


async def read(db: Frozen, table: str, columns: Sequence[Column]) -> AsyncIterator[list[Row]]:
    """All rows of a table in the order of its key, in pieces."""
    key = TABLES[table]
    names = [column.name for column in columns]
    places = [names.index(name) for name in key]
    where = ""
    params: dict[str, Value] = {}
    while True:
        [rows] = await db.fetch(
            Statement(
                "copying.read",
                f"""
                SELECT {", ".join(names)} FROM {table} {where}
                ORDER BY {", ".join(key)} LIMIT {_ROWS}
                """,
                params,
            )
        )
        if rows:
            yield rows
        if len(rows) < _ROWS:
            return
        where = f"WHERE ({', '.join(key)}) > ({', '.join(f':{name}' for name in key)})"
        params = {name: rows[-1][place] for name, place in zip(key, places, strict=True)}


class State(NamedTuple):
    """How much a database holds: its newest revision, and rows in the tables that are copied."""

    revision: int
    rows: int


_REVISION: Final = "(SELECT coalesce(max(revision), 0) FROM changes)"


def _count(tables: Iterable[str]) -> str:
    return " + ".join(f"(SELECT count(*) FROM {t})" for t in tables if t != "catalog_state")


async def look(db: Frozen, tables: Iterable[str]) -> State:
    """What `replace` would do away with; the one row of `catalog_state` does not count."""
    sql = f"SELECT {_REVISION}, {_count(tables)}"
    [[row]] = await db.fetch(Statement("copying.look", sql))
    return State(*cast("tuple[int, int]", row))


_PAGES: Final = """
    CREATE TABLE import_pages (
        import_id TEXT NOT NULL, table_name TEXT NOT NULL, place BIGINT NOT NULL,
        rows TEXT NOT NULL, PRIMARY KEY (import_id, table_name, place)
    )
"""


async def begin(db: Database) -> None:
    """Make the table where rows wait, without what an import that broke off has left."""
    await db.batch(_sql("DROP TABLE IF EXISTS import_pages"), _sql(_PAGES))


async def stage(db: Database, import_id: str, table: str, place: int, page: bytes) -> None:
    """Have a page of rows wait: a JSON array of rows, each an array in the order of the columns."""
    await db.batch(
        Statement(
            "copying.stage",
            "INSERT INTO import_pages VALUES (:import, :table, :place, :rows)",
            {"import": import_id, "table": table, "place": place, "rows": page.decode()},
        )
    )


_SCHEMA: Final = "SELECT name, sql FROM sqlite_schema WHERE type = '{type}'"


async def replace(
    db: Database,
    import_id: str,
    columns: Columns,
    counts: Mapping[str, int],
    before: State,
) -> None:
    """Have the rows that wait take the place of all that is stored, in one transaction.

    Raises `Conflict`, with nothing changed, where the database is no longer as `before` says, or
    where what waits is not what `counts` says: another import came in between.
    """
    derive = derived(db.engine)
    tables = (*columns, "listing")
    if db.engine == "postgres":
        aside = [_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER") for table in tables]
        back = [_sql(f"ALTER TABLE {table} ENABLE TRIGGER USER") for table in tables]
    else:
        triggers, present = await db.fetch(
            _sql(_SCHEMA.format(type="trigger")), _sql(_SCHEMA.format(type="table"))
        )
        aside = [_sql(f"DROP TRIGGER {name}") for name, _ in triggers]
        back = [_sql(cast(str, sql)) for _, sql in triggers]
        sequence = f"UPDATE sqlite_sequence SET seq = {_REVISION} WHERE name = 'changes'"
        # The index once more: no trigger has told it of the new listing.
        derive = derived(db.engine, [cast(str, name) for name, _ in present])
        derive = [_sql(sequence), *derive, derive[0]]
    try:
        await db.batch(
            _guard(
                f"{_REVISION} <> :revision OR {_count(columns)} <> :rows",
                before._asdict(),
            ),
            *aside,
            *(_sql(f"DELETE FROM {table}") for table in reversed([*columns])),
            *(_fill(db.engine, import_id, table, columns[table]) for table in columns),
            *(
                _guard(f"(SELECT count(*) FROM {table}) <> :count", {"count": counts.get(table, 0)})
                for table in columns
            ),
            *derive,
            _sql("DROP TABLE import_pages"),
            *back,
        )
    except Conflict as error:
        names = error.details.get("names") if isinstance(error.details, dict) else None
        if names == ["import_pages.import_id"]:
            raise Conflict(
                "the database was written to meanwhile: stop what writes to it, and try again"
            ) from None
        raise


async def add(
    db: Database,
    author: Author,
    import_id: str,
    columns: Mapping[str, Sequence[str]],
    before: State,
) -> int:
    """Add the rows that wait, as the author's write; the revision after it.

    Raises `Conflict` where the database is no longer as `before` says.
    """
    known = await columns_of(db)
    numbers = {table: {c.name for c in known[table] if c.number} for table in columns}
    fills = [
        _fill(db.engine, import_id, table, [Column(n, n in numbers[table]) for n in names])
        for table, names in columns.items()
    ]
    now = _guard(f"{_REVISION} <> :revision OR {_count(known)} <> :rows", before._asdict())
    revision, _ = await write(db, author, now, *fills, _sql("DROP TABLE import_pages"))
    return revision


def _sql(sql: str) -> Statement:
    return Statement("copying.replace", sql)


def _guard(condition: str, params: Mapping[str, Value]) -> Statement:
    """Ends the transaction by breaking a NOT NULL constraint where something is so."""
    sql = f"INSERT INTO import_pages SELECT NULL, '', 0, '' WHERE {condition}"
    return Statement("copying.guard", sql, params)


def _fill(engine: Engine, import_id: str, table: str, columns: Sequence[Column]) -> Statement:
    values = [
        f"CAST(e.value ->> {i} AS {'BIGINT' if column.number else 'TEXT'})"
        for i, column in enumerate(columns)
    ]
    rows = (
        "jsonb_array_elements(CAST(p.rows AS jsonb))"
        if engine == "postgres"
        else ("json_each(p.rows)")
    )
    return Statement(
        "copying.fill",
        f"""
        INSERT INTO {table} ({", ".join(column.name for column in columns)})
        SELECT {", ".join(values)} FROM import_pages AS p CROSS JOIN {rows} AS e
        WHERE p.import_id = :import AND p.table_name = :table ORDER BY p.place
        """,
        {"import": import_id, "table": table},
    )
