"""Rows of any view, by any of its columns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final, NamedTuple, cast

import msgspec

from service.domain.conditions import Choice, Condition
from service.domain.decimals import from_billionths
from service.domain.viewer import Column, View
from service.storage.changes import logged_row
from service.storage.choosing import FROM, free_of, is_ordered, key_of, order_of, sql_of, where_of
from service.storage.database import Database, Engine, Row, Statement, Value
from service.storage.snapshot import SNAPSHOT, Snapshot, read_snapshot

# Rows are counted, and sorted for a CSV, up to here: what is beyond holds nobody up.
COUNTED: Final = 10_000
# So many chosen rows are sorted for a page.
SORTED: Final = 100_000
# Of more so many are looked through in an order that an index has.
REACH: Final = 50_000
_PIECE: Final = 1000


class ViewRow(NamedTuple):
    """A row: its key, its values by column, and what is locked of it."""

    key: str
    values: dict[str, Any]
    locked: frozenset[str] = frozenset()

    @property
    def deleted(self) -> bool:
        """Whether it was deleted softly."""
        return self.values.get("deletedAt") is not None


class ViewPage(NamedTuple):
    """Rows in their order; `total` counts no further than one more than `COUNTED`.

    A page after the last one has no rows, and a total of 0.
    """

    rows: list[ViewRow]
    total: int
    snapshot: Snapshot


async def page(db: Database, choice: Choice, limit: int, offset: int) -> ViewPage:
    """A page of rows, in one round trip unless very many are chosen.

    Up to `SORTED` rows are found by what chooses them, and sorted. Of more, sorting all would take
    long: most often some come early in an order that an index has.
    """
    first = order_of(choice)[0][0]
    if not (choice.where or choice.q):
        return await ordered(db, choice, limit, offset)
    if offset <= SORTED:
        found = await _sorted(db, choice, limit, offset)
        if found.total <= SORTED:
            return found._replace(total=min(found.total, COUNTED + 1))
    if first.name in (name for name, _ in choice.where):
        return await ordered(db, choice, limit, offset)
    if is_ordered(choice.view, first):
        found = await ordered(db, choice, limit, offset, reach=REACH)
        if len(found.rows) == limit:
            return found
    return await ordered(db, choice, limit, offset, scan=True)


async def _sorted(db: Database, choice: Choice, limit: int, offset: int) -> ViewPage:
    """A page of rows; where `total` is more than `SORTED`, any row for it to come with."""
    some = f"""LIMIT CASE
        WHEN (SELECT count(*) FROM chosen) > {SORTED} THEN :offset + 1 ELSE {SORTED} END"""
    chosen, rows, params = _chosen(choice, db.engine, SORTED, some)
    found = f"{rows} LIMIT :limit OFFSET :offset"
    params |= {"limit": limit, "offset": offset}
    return await _shown(db, choice, found, params, "(SELECT count(*) FROM chosen)", chosen)


async def ordered(
    db: Database,
    choice: Choice,
    limit: int,
    offset: int,
    *,
    reach: int | None = None,
    scan: bool = False,
) -> ViewPage:
    """A page of rows out of an index that has them in order, if there is one.

    With `reach` only so many rows of the order are looked through, and with `scan` all of them as
    they lie in the table.
    """
    view = choice.view
    where, params = where_of(choice, db.engine, led=False)
    all_, _ = where_of(Choice(view, deleted=choice.deleted), db.engine)
    key, rows, order = key_of(view), FROM[view.name], _order(choice)
    source = f"{rows} WHERE {where}"
    if reach is not None:
        source = f"""(
            SELECT {key} AS k FROM {rows} WHERE {all_} ORDER BY {order} LIMIT {reach}
        ) AS near CROSS JOIN {rows} WHERE {key} = near.k AND {where}"""
    by = _order(choice, free_of(db.engine)) if scan else order
    found = f"SELECT {key} AS k FROM {source} ORDER BY {by} LIMIT :limit OFFSET :offset"
    count = f"SELECT 1 FROM {rows} WHERE {all_} LIMIT {COUNTED + 1}"
    total = f"(SELECT count(*) FROM ({count}) AS counted)"
    return await _shown(db, choice, found, params | {"limit": limit, "offset": offset}, total)


async def _shown(
    db: Database,
    choice: Choice,
    found: str,
    params: dict[str, Value],
    total: str,
    *before: str,
) -> ViewPage:
    """The rows whose keys are found, in their order, each with its locks."""
    view = choice.view
    columns = ", ".join(sql_of(view, column) for column in view.columns)
    locks = "NULL"
    if view.table:
        locks = f"""(
            SELECT string_agg(l.field, ',') FROM locks AS l
            WHERE l.table_name = '{view.table}' AND l.row_id = CAST({key_of(view)} AS TEXT)
        )"""
    rows, snapshot = await db.fetch(
        Statement(
            f"viewer.{view.name}",
            f"""
            WITH {", ".join((*before, f"found AS MATERIALIZED ({found})"))}
            SELECT {columns}, {locks}, {total} FROM {FROM[view.name]}
            WHERE {key_of(view)} IN (SELECT k FROM found) ORDER BY {_order(choice)}
            """,
            params,
        ),
        SNAPSHOT,
    )
    return ViewPage(
        [_read(view, row[:-1]) for row in rows],
        cast(int, rows[0][-1]) if rows else 0,
        read_snapshot(snapshot),
    )


def _order(choice: Choice, free: str = "") -> str:
    """The terms of an ORDER BY."""
    return ", ".join(
        free
        + sql_of(choice.view, column)
        + (" DESC" if descends else "")
        + (" NULLS LAST" if column.nullable else "")
        for column, descends in order_of(choice)
    )


async def row(db: Database, view: View, key: str) -> tuple[ViewRow | None, Snapshot]:
    """One row by its key, deleted or not; None where there is none."""
    name = view.key
    column = view.by_name[name]
    if column.kind == "whole" and not (key.isascii() and key.isdecimal() and len(key) < 19):
        return None, Snapshot(0, None, "")
    operand = int(key) if column.kind == "whole" else key
    found = await page(db, Choice(view, ((name, Condition("=", operand)),), deleted="any"), 1, 0)
    return (found.rows[0] if found.rows else None), found.snapshot


async def pieces(db: Database, choice: Choice) -> AsyncIterator[list[ViewRow]]:
    """All rows, in pieces; each a round trip and its own snapshot.

    Up to `COUNTED` rows come in their order, more in the order of their keys: no more than a piece
    is in memory, and none looks for its place among all rows.
    """
    view, (where, params) = choice.view, where_of(choice, db.engine)
    key = key_of(view)
    keys = await _keys(db, choice)
    if len(keys) <= COUNTED:
        for start in range(0, len(keys), _PIECE):
            piece = {f"k{i}": one for i, one in enumerate(keys[start : start + _PIECE])}
            inside = f"{key} IN ({', '.join(f':{name}' for name in piece)})"
            found = {row.key: row for row in await _rows(db, view, inside, piece)}
            yield [found[str(one)] for one in piece.values() if str(one) in found]
        return
    after: Value = 0 if view.by_name[view.key].kind == "whole" else ""
    further = f"{where} AND {key} > :after ORDER BY {key} LIMIT {_PIECE}"
    while rows := await _rows(db, view, further, {**params, "after": after}):
        yield rows
        after = rows[-1].values[view.key]


async def _keys(db: Database, choice: Choice) -> list[Value]:
    """The keys of chosen rows in their order, one more than `COUNTED` at most."""
    chosen, rows, params = _chosen(choice, db.engine, COUNTED)
    name = f"viewer.keys_{choice.view.name}"
    (found,) = await db.fetch(Statement(name, f"WITH {chosen} {rows}", params))
    return [key for (key,) in found]


def _chosen(
    choice: Choice, engine: Engine, most: int, some: str = ""
) -> tuple[str, str, dict[str, Value]]:
    """A table `chosen` of keys, one more than `most` at most; those, or `some`, in their order, as
    `k`; and parameters.
    """
    view, (where, params) = choice.view, where_of(choice, engine)
    rows, key = FROM[view.name], key_of(view)
    chosen = f"""chosen AS MATERIALIZED (
        SELECT {key} AS k FROM {rows} WHERE {where} LIMIT {most + 1}
    )"""
    found = f"""
        SELECT {key} AS k FROM {rows} WHERE {key} IN (SELECT k FROM chosen {some})
        ORDER BY {_order(choice)}"""
    return chosen, found, params


async def _rows(db: Database, view: View, where: str, params: dict[str, Value]) -> list[ViewRow]:
    columns = ", ".join(sql_of(view, column) for column in view.columns)
    sql = f"SELECT {columns}, NULL FROM {FROM[view.name]} WHERE {where}"
    (rows,) = await db.fetch(Statement(f"viewer.export_{view.name}", sql, params))
    return [_read(view, row) for row in rows]


def _read(view: View, row: Row) -> ViewRow:
    values = {c.name: _value(c, stored) for c, stored in zip(view.columns, row, strict=False)}
    for name in ("before", "after") if view.name == "changes" else ():
        values[name] = logged_row(values["table"], values[name], values["changedAt"])
    locked = cast("str | None", row[-1])
    return ViewRow(
        str(values[view.key]), values, frozenset(locked.split(",")) if locked else frozenset()
    )


def _value(column: Column, stored: Value) -> Any:
    if stored is None:
        return None
    match column.kind:
        case "decimal":
            return from_billionths(cast(int, stored))
        case "flag":
            return bool(stored)
        case "list":
            return tuple(str(stored).split(",")) if stored else ()
        case "json":
            return msgspec.json.decode(cast(str, stored))
    return stored
