"""Locks: set, taken away, listed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, cast

from service.domain.locks import Lock, LockQuery
from service.storage.database import Database, Statement, Value
from service.storage.mapping import Mapper
from service.storage.snapshot import SNAPSHOT, Snapshot, read_snapshot
from service.storage.tables import TableSpec
from service.storage.writing import Author, write

_LOCK: Final = Mapper(Lock, {"table": "table_name", "id": "row_id"})


class LockPage(NamedTuple):
    """A page of locks and the number of all that match."""

    locks: list[Lock]
    total: int
    snapshot: Snapshot


def lock(
    table: TableSpec, id: Value, fields: Sequence[str], author: Author, condition: str, **more: Any
) -> Statement:
    """Locks fields of a row `t` for which the condition holds; those that are locked stay so."""
    names: dict[str, Value] = {f"field{i}": field for i, field in enumerate(fields)}
    rows = " UNION ALL ".join(f"SELECT CAST(:{name} AS TEXT) AS field" for name in names)
    return Statement(
        "locks.set",
        f"""
        INSERT INTO locks (table_name, row_id, field, actor, locked_at)
        SELECT '{table.name}', CAST(t.id AS TEXT), f.field, :actor, :now
        FROM {table.name} AS t CROSS JOIN ({rows}) AS f
        WHERE t.id = :id AND {condition} AND NOT EXISTS (
            SELECT 1 FROM locks AS l
            WHERE l.table_name = '{table.name}' AND l.row_id = CAST(t.id AS TEXT)
                AND l.field = f.field
        )
        """,
        {"id": id, "actor": author.actor, "now": author.moment, **names, **more},
    )


async def put(
    db: Database, table: TableSpec, id: Value, field: str, author: Author
) -> tuple[int, Lock | None]:
    """Lock a field; the lock, or None where there is no such row."""
    revision, [_, found] = await write(
        db, author, lock(table, id, [field], author, "TRUE"), _find(table, id, field)
    )
    return revision, _LOCK.read(found.rows[0]) if found.rows else None


async def delete(
    db: Database, table: TableSpec, id: Value, field: str, author: Author
) -> tuple[int, Lock | None]:
    """Unlock a field; the lock that was there, or None."""
    find = _find(table, id, field)
    revision, [found, _] = await write(
        db,
        author,
        find,
        Statement(
            "locks.delete",
            "DELETE FROM locks WHERE table_name = :table AND row_id = :id AND field = :field",
            find.params,
        ),
    )
    return revision, _LOCK.read(found.rows[0]) if found.rows else None


async def page(db: Database, query: LockQuery) -> LockPage:
    """A page of locks, by table, row and field."""
    params: dict[str, Value] = {}
    where = ["TRUE"]
    for column, name, value in (("table_name", "table", query.table), ("row_id", "id", query.id)):
        if value is not None:
            where.append(f"l.{column} = :{name}")
            params[name] = value
    condition = " AND ".join(where)
    rows, total, snapshot = await db.fetch(
        Statement(
            "locks.page",
            f"""
            SELECT {_LOCK.select("l")} FROM locks AS l WHERE {condition}
            ORDER BY l.table_name, l.row_id, l.field LIMIT :page_size OFFSET :offset
            """,
            {
                **params,
                "page_size": query.page_size,
                "offset": (query.page - 1) * query.page_size,
            },
        ),
        Statement("locks.total", f"SELECT count(*) FROM locks AS l WHERE {condition}", params),
        SNAPSHOT,
    )
    return LockPage(
        [_LOCK.read(row) for row in rows], cast(int, total[0][0]), read_snapshot(snapshot)
    )


def _find(table: TableSpec, id: Value, field: str) -> Statement:
    return Statement(
        "locks.find",
        f"""
        SELECT {_LOCK.select("l")} FROM locks AS l
        WHERE l.table_name = :table AND l.row_id = :id AND l.field = :field
        """,
        {"table": table.name, "id": str(id), "field": field},
    )
