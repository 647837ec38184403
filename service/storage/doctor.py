"""Whether what is derived is what it is derived from, and making it so again."""

from __future__ import annotations

import datetime
from collections.abc import Collection
from typing import Final, NamedTuple, cast

from service.errors import DatabaseUnusable
from service.storage.database import Database, Engine, Row, Statement
from service.storage.writing import Author, write

_COLUMNS: Final = (
    "model_id, provider_id, name_folded, search_text, family, mode, canonical, bits, deprecated, "
    "context_window, max_output, release_date, updated_at, price_id, price_date, next_price_date, "
    "input_price, output_price"
)
_COUNTS: Final = "bits, mode, family, deprecated, models"
_PERIODS: Final = (
    "starts, ends, weeks, number, input_price, output_price, deprecated, bits, context_window, "
    "max_output, release_date"
)
# Tables that belong to the listing, with their columns; each is as its view `…_source` says.
_BESIDE: Final = {"listing_counts": _COUNTS, "listing_prices": _PERIODS}
_PARENTS: Final = (
    ("models", "provider_id", "providers"),
    ("pricing", "model_id", "models"),
    ("benchmarks", "model_id", "models"),
    ("listing", "model_id", "models"),
)


class Listing(NamedTuple):
    """How many rows the listing has, lacks, and has that are not (or no longer) so."""

    rows: int
    missing: int
    wrong: int
    # Of the counts behind totals.
    miscounted: int
    # Of the periods of prices.
    mispriced: int


class Log(NamedTuple):
    """The newest revision, how many changes there are from the first on, and when it was."""

    revision: int
    gaps: int
    # Rows that were changed after the newest change was logged.
    unlogged: int


class Findings(NamedTuple):
    """What a look at the database found."""

    listing: Listing
    # Rows without the row that they refer to, by table and column.
    orphans: dict[str, int]
    price_day: str
    log: Log


async def look(db: Database) -> Findings:
    """Compare everything in one round trip; the search index is `search_index_is_whole`."""
    listing, log, state, *orphans = await db.fetch(
        Statement(
            "doctor.listing",
            f"""
            SELECT (SELECT count(*) FROM listing),
                (SELECT count(*) FROM listing_source AS s WHERE NOT EXISTS
                    (SELECT 1 FROM listing AS l WHERE l.model_id = s.model_id)),
                (SELECT count(*) FROM (
                    SELECT {_COLUMNS} FROM listing EXCEPT SELECT {_COLUMNS} FROM listing_source
                ) AS wrong),
                {", ".join(map(_differing, _BESIDE))}
            """,
        ),
        Statement(
            "doctor.log",
            """
            SELECT coalesce(max(c.revision), 0),
                coalesce(max(c.revision) - min(c.revision) + 1 - count(*), 0),
                (SELECT count(*) FROM (
                    SELECT updated_at FROM providers UNION ALL SELECT updated_at FROM models
                    UNION ALL SELECT updated_at FROM pricing
                    UNION ALL SELECT updated_at FROM benchmarks
                ) AS t WHERE t.updated_at > coalesce((SELECT max(changed_at) FROM changes), ''))
            FROM changes AS c
            """,
        ),
        Statement("doctor.state", "SELECT price_day FROM catalog_state"),
        *(
            Statement(
                "doctor.orphans",
                f"""
                SELECT count(*) FROM {table} AS t
                WHERE NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE p.id = t.{column})
                """,
            )
            for table, column, parent in _PARENTS
        ),
    )
    counts = zip(_PARENTS, orphans, strict=True)
    return Findings(
        Listing(*cast("tuple[int, int, int, int, int]", listing[0])),
        {f"{table}.{column}": _count(rows) for (table, column, _), rows in counts},
        cast(str, state[0][0]),
        Log(*cast("tuple[int, int, int]", log[0])),
    )


def _differing(table: str) -> str:
    """How many rows are in a table alone, or alone in the view that defines it."""
    kept = f"SELECT {_BESIDE[table]} FROM {table}"
    due = f"{kept}_source"
    return f"""(SELECT count(*) FROM ({kept} EXCEPT {due}) AS wrong)
        + (SELECT count(*) FROM ({due} EXCEPT {kept}) AS missing)"""


def _count(rows: list[Row]) -> int:
    return cast(int, rows[0][0])


async def search_index_is_whole(db: Database) -> bool | None:
    """Whether the search index agrees with the listing; None where the engine keeps it so itself.

    Needs a connection that may write.
    """
    if db.engine == "postgres":
        return None
    check = "INSERT INTO listing_search (listing_search, rank) VALUES ('integrity-check', 1)"
    await db.ping()
    try:
        await db.batch(Statement("doctor.search", check))
    except DatabaseUnusable:  # the engine's word for it is that the database is corrupt
        return False
    return True


# The index first: deleting rows from one that lacks them damages it further.
_REBUILD_INDEX: Final[dict[Engine, str]] = {
    "sqlite": "INSERT INTO listing_search (listing_search) VALUES ('rebuild')",
    "libsql": "INSERT INTO listing_search (listing_search) VALUES ('rebuild')",
    "postgres": "REINDEX INDEX listing_search",
}


def derived(engine: Engine, tables: Collection[str] = _BESIDE) -> list[Statement]:
    """Make the listing, what belongs to it and the search index anew out of their sources.

    `tables` are those that an older schema has.
    """
    return [
        Statement("doctor.rebuild_index", _REBUILD_INDEX[engine]),
        Statement("doctor.empty", "DELETE FROM listing"),
        Statement(
            "doctor.fill",
            f"INSERT INTO listing ({_COLUMNS}) SELECT {_COLUMNS} FROM listing_source"
            " ORDER BY model_id",
        ),
        *(
            statement
            for table, columns in _BESIDE.items()
            if table in tables
            for statement in (
                Statement("doctor.empty", f"DELETE FROM {table}"),
                Statement(
                    "doctor.fill",
                    f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table}_source",
                ),
            )
        ),
    ]


async def rebuild(db: Database, now: datetime.datetime) -> int:
    """Make what is derived anew at today's prices; how many rows are listed."""
    _, results = await write(
        db,
        Author("doctor", now),
        *derived(db.engine),
        Statement("doctor.count", "SELECT count(*) FROM listing"),
    )
    return _count(results[-1].rows)
