"""Rows of any view, by any of its columns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any, Final, NamedTuple, cast

import msgspec

from service.domain.conditions import Choice, Condition
from service.domain.decimals import from_billionths, to_billionths
from service.domain.pricing import FIGURES
from service.domain.text import fold
from service.domain.viewer import Column, View
from service.storage.changes import logged_row
from service.storage.database import Database, Row, Statement, Value
from service.storage.matching import like
from service.storage.snapshot import SNAPSHOT, Snapshot, read_snapshot

# Rows are counted up to here: what is beyond holds nobody up.
COUNTED: Final = 10_000
_PIECE: Final = 1000
_FROM: Final = {
    "providers": "providers AS t",
    "models": "models AS t",
    "pricing": "pricing AS t",
    "benchmarks": "benchmarks AS t",
    "runs": "pipeline_runs AS t",
    "held": """held_prices AS t JOIN pricing AS p ON p.id = t.current_id
        LEFT JOIN pipeline_runs AS r ON r.id = t.run_id""",
    "changes": "changes AS t",
    "tokens": "tokens AS t",
}


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
    """A page of rows, in one round trip. All are counted only where there may be more of them."""
    view = choice.view
    where, params = _where(choice)
    sort = [*(choice.sort or (view.order,)), view.key]
    columns = [f"{_sql(view, c)} AS c{i}" for i, c in enumerate(view.columns)]
    order = [_ordered(view, key, "{sql}") for key in sort]
    again = [_ordered(view, key, "n.c{place}") for key in sort]
    locks = "NULL"
    if view.table:
        locks = f"""(
            SELECT string_agg(l.field, ',') FROM locks AS l
            WHERE l.table_name = '{view.table}' AND l.row_id = CAST(n.c0 AS TEXT)
        )"""
    count = f"""(
        SELECT count(*) FROM (
            SELECT 1 FROM {_FROM[view.name]} WHERE {where} LIMIT {COUNTED + 1}
        ) AS counted
    )"""
    rows, snapshot = await db.fetch(
        Statement(
            f"viewer.{view.name}",
            f"""
            WITH found AS MATERIALIZED (
                SELECT {", ".join(columns)} FROM {_FROM[view.name]} WHERE {where}
                ORDER BY {", ".join(order)} LIMIT :limit OFFSET :offset
            )
            SELECT n.*, {locks},
                CASE WHEN (SELECT count(*) FROM found) = :limit OR :offset > 0 THEN {count} END
            FROM found AS n ORDER BY {", ".join(again)}
            """,
            {**params, "limit": limit, "offset": offset},
        ),
        SNAPSHOT,
    )
    total = cast("int | None", rows[0][-1]) if rows else 0
    return ViewPage(
        [_read(view, row[:-1]) for row in rows],
        len(rows) if total is None else total,
        read_snapshot(snapshot),
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
    """All rows in the order of their keys, in pieces; each a round trip and its own snapshot."""
    view = choice.view
    where, params = _where(choice)
    key = _sql(view, view.by_name[view.key])
    columns = [f"{_sql(view, c)} AS c{i}" for i, c in enumerate(view.columns)]
    after: Value = 0 if view.by_name[view.key].kind == "whole" else ""
    while True:
        (rows,) = await db.fetch(
            Statement(
                f"viewer.export_{view.name}",
                f"""
                SELECT {", ".join(columns)}, NULL FROM {_FROM[view.name]}
                WHERE {where} AND {key} > :after ORDER BY {key} LIMIT {_PIECE}
                """,
                {**params, "after": after},
            )
        )
        if rows:
            yield [_read(view, row) for row in rows]
            after = rows[-1][_place(view, view.key)]
        if len(rows) < _PIECE:
            return


def _place(view: View, name: str) -> int:
    return next(i for i, column in enumerate(view.columns) if column.name == name)


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def _sql(view: View, column: Column) -> str:
    """What a column is read from."""
    name = _snake(column.name)
    if view.name == "held":
        if name == "source":
            return "r.source"
        side, _, figure = name.partition("_")
        if figure in FIGURES:
            return f"{'p' if side == 'current' else 't'}.{FIGURES[figure]}"
    if view.name == "changes":
        name = {"table": "table_name", "id": "row_id"}.get(name, name)
    return f"t.{FIGURES.get(name, name)}"


def _ordered(view: View, key: str, form: str) -> str:
    """A term of an ORDER BY."""
    name = key.removeprefix("-")
    column = view.by_name[name]
    term = form.format(sql=_sql(view, column), place=_place(view, name))
    nulls = " NULLS LAST" if column.nullable else ""
    return f"{term} {'DESC' if key.startswith('-') else 'ASC'}{nulls}"


def _where(choice: Choice) -> tuple[str, dict[str, Value]]:
    """The condition on a row, and its parameters."""
    view = choice.view
    params: dict[str, Value] = {}

    def given(value: Value) -> str:
        params[f"p{len(params)}"] = value
        return f":p{len(params) - 1}"

    where = ["1 = 1"]
    if view.table and choice.deleted != "any":
        where.append(f"t.deleted_at IS {'NOT' if choice.deleted == 'only' else ''} NULL")
    for name, condition in choice.where:
        where.append(_holds(view, view.by_name[name], condition, given))
    if choice.q:
        asked = Condition("contains", choice.q)
        texts = [_holds(view, view.by_name[name], asked, given) for name in view.searched]
        where.append(f"({' OR '.join(texts)})")
    return " AND ".join(where), params


def _holds(view: View, column: Column, condition: Condition, given: Callable[[Value], str]) -> str:
    sql, value = _sql(view, column), condition.value
    match condition.operator:
        case "unknown":
            return f"{sql} IS NULL"
        case "known":
            return f"{sql} IS NOT NULL"
        case "contains":
            text = str(value)
            if view.table in ("providers", "models") and column.name == "name":
                # As search has it, whatever the alphabet.
                return _contains("coalesce(t.name_folded, lower(t.name))", fold(text), given)
            if view.table in ("pricing", "benchmarks") and column.name == "modelId":
                # Models are fewer.
                inside = _contains("lower(m.id)", _lower(text), given)
                return f"t.model_id IN (SELECT m.id FROM models AS m WHERE {inside})"
            return _contains(f"lower({sql})", _lower(text), given)
        case "in":
            values = cast("tuple[str, ...]", value)
            return f"{sql} IN ({', '.join(map(given, values))})"
        case "has":
            values = cast("tuple[str, ...]", value)
            inside = f"',' || {sql} || ','"
            return " AND ".join(f"{inside} LIKE {given(f'%,{one},%')}" for one in values)
    return f"{sql} {condition.operator} {given(_stored(value))}"


def _contains(sql: str, text: str, given: Callable[[Value], str]) -> str:
    return f"{sql} LIKE {given(f'%{like(text)}%')} ESCAPE '\\'"


def _lower(text: str) -> str:
    """In lower case as databases have it: ASCII alone."""
    return "".join(c.lower() if c.isascii() else c for c in text)


def _stored(value: Any) -> Value:
    if isinstance(value, Decimal):
        return to_billionths(value)
    return int(value) if isinstance(value, bool) else cast(Value, value)


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
