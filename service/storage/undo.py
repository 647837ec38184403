"""A whole run taken back out of the change log: a handful of statements, whatever its size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast

import msgspec

from service.domain.text import folded_name
from service.errors import Conflict
from service.storage.database import Database, Engine, Statement, Value
from service.storage.runs import closing, opening
from service.storage.tables import TABLES, TableSpec, typed
from service.storage.writing import Author, write

# Later changes that are named.
_NAMED: Final = 20
# Names in one document.
_NAMES: Final = 10_000
# What made a row; a new price that follows another one "changes" the price.
_MADE: Final = "'provider_added', 'model_added', 'price_added', 'price_changed', 'score_added'"
# What nobody did, only the day.
_REAL: Final = "c.kind <> 'price_effective'"
# The changes of the run; the first one of a row says what the row was before it.
_OWN: Final = f"c.run_id = :run AND c.revision BETWEEN :first AND :last AND {_REAL}"

# What somebody else did since to rows that the run changed, or below rows that it made.
_LATER: Final = f"""
    FROM changes AS c
    WHERE c.revision > :first AND c.run_id IS DISTINCT FROM :run AND {_REAL} AND (
        EXISTS (
            SELECT 1 FROM changes AS o
            WHERE o.table_name = c.table_name AND o.row_id = c.row_id AND o.run_id = :run
                AND o.revision < c.revision AND o.kind <> 'price_effective'
        ) OR EXISTS (
            SELECT 1 FROM changes AS o
            WHERE o.table_name = 'models' AND o.row_id = c.model_id AND o.run_id = :run
                AND o.kind = 'model_added' AND c.table_name <> 'models'
        ) OR EXISTS (
            SELECT 1 FROM changes AS o JOIN models AS m ON m.provider_id = o.row_id
            WHERE o.table_name = 'providers' AND o.run_id = :run AND o.kind = 'provider_added'
                AND m.id = c.model_id
        )
    )
"""


class Span(NamedTuple):
    """Where the log has the changes of a run, and how many rows it removed altogether."""

    first: int | None
    last: int | None
    removed: int


class Later(NamedTuple):
    """A change that an undo would lose."""

    revision: int
    table: str
    row_id: str
    kind: str
    actor: str


async def span(db: Database, run: str) -> Span:
    """Where the changes of a run are."""
    [[row]] = await db.fetch(
        Statement(
            "undo.span",
            f"""
            SELECT min(c.revision), max(c.revision),
                count(CASE WHEN c.after IS NULL THEN 1 END)
            FROM changes AS c WHERE c.run_id = :run AND {_REAL}
            """,
            {"run": run},
        )
    )
    return Span(*cast("tuple[int | None, int | None, int]", row))


async def later(db: Database, run: str, found: Span) -> list[Later]:
    """What others did since that an undo would lose, the first of it."""
    [rows] = await db.fetch(
        Statement(
            "undo.later",
            f"SELECT c.revision, c.table_name, c.row_id, c.kind, c.actor {_LATER}"
            f" ORDER BY c.revision LIMIT {_NAMED}",
            {"run": run, "first": found.first},
        )
    )
    return [Later(*cast("tuple[int, str, str, str, str]", row)) for row in rows]


async def undo(
    db: Database, run: str, found: Span, author: Author, *, force: bool
) -> tuple[int, Mapping[str, int]] | None:
    """Make all rows that a run changed what they were before it; rows that it made are deleted.

    One transaction, as a run of its own, so that it can be undone as well. Gives the revision and
    how many rows of each table became others; None where later changes would be lost.
    """
    params: dict[str, Value] = {"run": run, "first": found.first, "last": found.last}
    guard = (
        []
        if force
        else [
            Statement(
                "undo.guard",
                f"INSERT INTO pipeline_runs (id) SELECT NULL WHERE EXISTS (SELECT 1 {_LATER})",
                {"run": run, "first": found.first},
            )
        ]
    )
    steps = [(table, one) for table in TABLES for one in _steps(db.engine, table, author, params)]
    names = [one for table in TABLES if "name" in table.columns
             for one in await _names(db, table, params)]  # fmt: skip
    try:
        revision, results = await write(
            db,
            author,
            *guard,
            opening(author, f"undo of {run}"),
            *(statement for _, statement in steps),
            *names,
            closing(author, "success"),
        )
    except Conflict as error:
        broken = error.details.get("names") if isinstance(error.details, dict) else None
        if broken == ["pipeline_runs.id"]:
            return None
        raise
    counts: dict[str, int] = {table.name: 0 for table in TABLES}
    for (table, _), result in zip(steps, results[len(guard) + 1 :], strict=False):
        counts[table.name] += result.affected
    return revision, counts


def _firsts(table: TableSpec, kinds: str) -> str:
    """The first changes of a run to each row of a table, of some kinds."""
    return f"""
        FROM changes AS f WHERE f.kind {kinds} AND f.revision IN (
            SELECT min(c.revision) FROM changes AS c
            WHERE c.table_name = '{table.name}' AND {_OWN} GROUP BY c.row_id
        )
    """


def _steps(
    engine: Engine, table: TableSpec, author: Author, params: Mapping[str, Value]
) -> list[Statement]:
    key = "CAST(f.row_id AS BIGINT)" if table.numbered else "f.row_id"
    columns = [column for column in (*table.columns, "deleted_at") if column != "name_folded"]
    values = ", ".join(f"{_before(engine, column)} AS {column}" for column in columns)
    own = {**params, "now": author.moment}
    return [
        Statement(
            f"undo.put_back_{table.name}",
            f"""
            UPDATE {table.name} AS t
            SET {", ".join(f"{column} = b.{column}" for column in columns)}, updated_at = :now
            FROM (SELECT {key} AS id, {values} {_firsts(table, f"NOT IN ({_MADE})")}) AS b
            WHERE t.id = b.id
                AND ({" OR ".join(f"t.{c} IS DISTINCT FROM b.{c}" for c in columns)})
            """,
            own,
        ),
        Statement(
            f"undo.delete_{table.name}",
            f"""
            UPDATE {table.name} SET deleted_at = :now, updated_at = :now
            WHERE deleted_at IS NULL AND id IN (SELECT {key} {_firsts(table, f"IN ({_MADE})")})
            """,
            own,
        ),
    ]


def _before(engine: Engine, column: str) -> str:
    document = "CAST(f.before AS jsonb)" if engine == "postgres" else "f.before"
    return typed(f"{document} ->> '{column}'", column)


async def _names(db: Database, table: TableSpec, params: Mapping[str, Value]) -> list[Statement]:
    """The folded forms of names that come back, which the log does not have."""
    name = _before(db.engine, "name")
    [rows] = await db.fetch(
        Statement(
            "undo.names",
            f"""
            SELECT b.id, b.name FROM (
                SELECT f.row_id AS id, {name} AS name {_firsts(table, f"NOT IN ({_MADE})")}
            ) AS b JOIN {table.name} AS t ON t.id = b.id WHERE t.name <> b.name
            """,
            params,
        )
    )
    folded: list[dict[str, Any]] = [
        {"id": id, "folded": folded_name(cast(str, text))} for id, text in rows
    ]
    source = "jsonb_array_elements(CAST(:names AS jsonb))"
    if db.engine != "postgres":
        source = "json_each(:names)"
    return [
        Statement(
            f"undo.fold_{table.name}",
            f"""
            UPDATE {table.name} AS t SET name_folded = n.folded
            FROM (SELECT e.value ->> 'id' AS id, e.value ->> 'folded' AS folded
                FROM {source} AS e) AS n
            WHERE t.id = n.id
            """,
            {"names": msgspec.json.encode(folded[at : at + _NAMES]).decode()},
        )
        for at in range(0, len(folded), _NAMES)
    ]
