"""Everything that is stored, deleted rows and locks too, for whoever compares with all of it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final, cast

import msgspec

from service.domain.stored import ROWS, Stored, StoredRow
from service.storage.database import Database, Statement, Value
from service.storage.tables import TABLES, TableSpec

_PIECE: Final = 1000


async def everything(db: Database) -> Stored:
    """All rows of the four tables; each piece is a round trip and a snapshot of its own."""
    locks = await _locks(db)
    stored = Stored()
    for table in TABLES:
        after: Value = 0 if table.numbered else ""
        while True:
            [rows] = await db.fetch(_piece(table, after))
            for *values, deleted_at in rows:
                read = table.mapper.read(tuple(values))
                stored.put(
                    table.name,
                    StoredRow(
                        row_values(ROWS[table.name], read),
                        frozenset(locks[table.name, str(read.id)]),
                        deleted_at is not None,
                    ),
                )
                after = read.id
            if len(rows) < _PIECE:
                break
    return stored


def row_values(kind: type[msgspec.Struct], stored: Any) -> dict[str, Any]:
    """The members of a stored row that a row of a pipeline has as well."""
    return {name: getattr(stored, name, None) for name in kind.__struct_fields__}


def _piece(table: TableSpec, after: Value) -> Statement:
    return Statement(
        f"stored.{table.name}",
        f"SELECT {table.mapper.select('t')}, t.deleted_at FROM {table.name} AS t"
        f" WHERE t.id > :after ORDER BY t.id LIMIT {_PIECE}",
        {"after": after},
    )


async def _locks(db: Database) -> dict[tuple[str, str], set[str]]:
    """Names of locked members, as rows have them, by table and id."""
    sql = "SELECT table_name, row_id, field FROM locks"
    [rows] = await db.fetch(Statement("stored.locks", sql))
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for table, id, name in cast("list[tuple[str, str, str]]", rows):
        found[table, id].add(member_of(table, name))
    return found


def member_of(table: str, name: str) -> str:
    """The member of a row that the API spells so."""
    row = ROWS[cast(Any, table)]
    spelled = dict(zip(row.__struct_encode_fields__, row.__struct_fields__, strict=True))
    return spelled.get(name, name)
