"""Edits by hand, compared and set in one transaction: the version in SQL, never read first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from service.domain.pricing import FIGURES
from service.storage.database import Database, Row, Statement, Value
from service.storage.locks import lock
from service.storage.tables import PRICING, TableSpec, derived_state, typed
from service.storage.writing import Author, write

# No version of a row: what `If-Match` says when it names none that this service gave out.
NEVER: Final = -1


class Edited(NamedTuple):
    """What became of an edit: the row as it is now, and how it was found."""

    revision: int
    row: Any | None
    # Before the edit.
    existed: bool
    deleted: bool
    current: bool


async def put(
    db: Database,
    table: TableSpec,
    keys: Mapping[str, Value],
    values: Mapping[str, Value],
    author: Author,
    version: int | None,
    *,
    locked: Sequence[str],
) -> Edited:
    """Set all columns of a row; what `values` lacks becomes null or its default.

    A row that is not there is made, if `keys` names one by more than a number.
    """
    columns = {c: typed(f":{c}", c) if c in values else typed("NULL", c) for c in table.columns}
    columns |= {c: text for c, text in table.defaults.items() if c not in values}
    if table is PRICING and "state" not in values:
        columns["state"] = derived_state([columns[figure] for figure in FIGURES.values()])
    edit = _update(table, columns, keys["id"], values, author, version)
    make = []
    if not table.numbered and version is None:
        make.append(
            Statement(
                f"edits.make_{table.name}",
                f"""
                INSERT INTO {table.name}
                    ({", ".join((*table.key, *columns))}, created_at, updated_at)
                SELECT {", ".join(typed(f":{c}", c) for c in table.key)},
                    {", ".join(columns.values())}, :now, :now
                WHERE NOT EXISTS (SELECT 1 FROM {table.name} AS t WHERE t.id = :id)
                """,
                {**keys, **values, "now": author.moment},
            )
        )
    return await _edit(db, table, keys["id"], author, version, [*make, edit], locked)


async def patch(
    db: Database,
    table: TableSpec,
    id: Value,
    values: Mapping[str, Value],
    author: Author,
    version: int | None,
    *,
    locked: Sequence[str],
) -> Edited:
    """Set some columns of a row. A price whose figures change has the state they speak of."""
    columns = {c: typed(f":{c}", c) for c in values}
    if table is PRICING and "state" not in values and values.keys() & FIGURES.values():
        figures = [columns.get(figure, f"t.{figure}") for figure in FIGURES.values()]
        columns["state"] = derived_state(figures)
    edits = [_update(table, columns, id, values, author, version)] if columns else []
    return await _edit(db, table, id, author, version, edits, locked)


async def delete(
    db: Database, table: TableSpec, id: Value, author: Author, version: int | None
) -> Edited:
    """Mark a row as deleted."""
    columns = {"deleted_at": ":now"}
    edit = _update(table, columns, id, {}, author, version)
    return await _edit(db, table, id, author, version, [edit], ())


async def restore(
    db: Database, table: TableSpec, id: Value, author: Author, version: int | None
) -> Edited:
    """Take the mark of a deleted row away."""
    columns = {"deleted_at": "NULL"}
    edit = _update(table, columns, id, {}, author, version, deleted=True)
    return await _edit(db, table, id, author, version, [edit], ())


def _update(
    table: TableSpec,
    columns: Mapping[str, str],
    id: Value,
    values: Mapping[str, Value],
    author: Author,
    version: int | None,
    *,
    deleted: bool = False,
) -> Statement:
    condition, own = _unchanged(table, version)
    return Statement(
        f"edits.set_{table.name}",
        f"""
        UPDATE {table.name} AS t
        SET {", ".join(f"{c} = {value}" for c, value in columns.items())}, updated_at = :now
        WHERE t.id = :id AND t.deleted_at IS {"NOT" if deleted else ""} NULL AND {condition}
            AND ({" OR ".join(f"t.{c} IS DISTINCT FROM {v}" for c, v in columns.items())})
        """,
        {"id": id, "now": author.moment, **values, **own},
    )


def _unchanged(table: TableSpec, version: int | None) -> tuple[str, dict[str, Value]]:
    """Whether row `t` is as it was at a revision, as SQL."""
    if version is None:
        return "TRUE", {}
    return (
        f"""(
            :version <= (SELECT coalesce(max(revision), 0) FROM changes)
            AND NOT EXISTS (
                SELECT 1 FROM changes AS c
                WHERE c.table_name = '{table.name}' AND c.row_id = CAST(t.id AS TEXT)
                    AND c.revision > :version AND c.kind <> 'price_effective'
            )
        )""",
        {"version": version},
    )


async def _edit(
    db: Database,
    table: TableSpec,
    id: Value,
    author: Author,
    version: int | None,
    edits: Sequence[Statement],
    locked: Sequence[str],
) -> Edited:
    condition, own = _unchanged(table, version)
    found = Statement(
        f"edits.find_{table.name}",
        f"""
        SELECT CASE WHEN t.deleted_at IS NULL THEN 0 ELSE 1 END,
            CASE WHEN {condition} THEN 1 ELSE 0 END
        FROM {table.name} AS t WHERE t.id = :id
        """,
        {"id": id, **own},
    )
    # Before the edit, which makes another version; a row that it makes is locked after it.
    allowed = f"t.deleted_at IS NULL AND {condition}"
    locks = [lock(table, id, locked, author, allowed, **own)] if locked else []
    after = Statement(
        f"edits.get_{table.name}",
        f"SELECT {table.mapper.select('t')} FROM {table.name} AS t WHERE t.id = :id",
        {"id": id},
    )
    steps = [*locks, *edits] if version is not None else [*edits, *locks]
    revision, results = await write(db, author, found, *steps, after)
    before: list[Row] = results[0].rows
    rows = results[-1].rows
    return Edited(
        revision,
        table.mapper.read(rows[0]) if rows else None,
        existed=bool(before),
        deleted=bool(before and cast(int, before[0][0])),
        current=version is None or bool(before and cast(int, before[0][1])),
    )
