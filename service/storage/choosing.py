"""Which rows of a view are chosen, as SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, cast

from service.domain.conditions import Choice, Condition
from service.domain.decimals import to_billionths
from service.domain.pricing import FIGURES
from service.domain.text import fold
from service.domain.viewer import VIEWS, Column, View
from service.storage.database import Engine, Value
from service.storage.matching import like

FROM: Final = {
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

# Columns of large tables by which an index has the rows in order, ties by the key.
ORDERED: Final[Mapping[str, frozenset[str]]] = {
    "pricing": frozenset(VIEWS["pricing"].by_name) - {"modelId", "deletedAt"},
    "changes": frozenset(VIEWS["changes"].by_name) - {"before", "after"},
}
# Columns of large tables in such an order whose values are few.
_FEW: Final[Mapping[str, frozenset[str]]] = {
    "pricing": frozenset({"sourceUrl"}),
    "changes": frozenset({"actor", "runId"}),
}


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def sql_of(view: View, column: Column) -> str:
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


def key_of(view: View) -> str:
    """What names a row."""
    return sql_of(view, view.by_name[view.key])


def order_of(choice: Choice) -> list[tuple[Column, bool]]:
    """The columns that order the rows, each with whether it descends; the last one is the key.

    Among equals the key ascends, or goes along with a column that has an index, which is read from
    either end.
    """
    view = choice.view
    found: list[tuple[Column, bool]] = []
    for name in choice.sort or (view.order,):
        column = view.by_name[name.removeprefix("-")]
        found.append((column, name.startswith("-")))
        if column.name == view.key:
            return found
    first, descends = found[0]
    return [*found, (view.by_name[view.key], descends and is_ordered(view, first))]


def is_ordered(view: View, column: Column) -> bool:
    """Whether an index has the rows of a large table in the order of a column."""
    return column.name in ORDERED.get(view.name, ())


def where_of(choice: Choice, engine: Engine, *, led: bool = True) -> tuple[str, dict[str, Value]]:
    """The condition on a row, and its parameters.

    Unless `led` by any condition, SQLite may look up the first column of the order alone.
    """
    view, free = choice.view, "" if led else free_of(engine)
    params: dict[str, Value] = {}

    def given(value: Value) -> str:
        params[f"p{len(params)}"] = value
        return f":p{len(params) - 1}"

    where = ["1 = 1"]
    if view.table and choice.deleted != "any":
        where.append(f"t.deleted_at IS {'NOT' if choice.deleted == 'only' else ''} NULL")
    first = order_of(choice)[0][0].name
    for name, condition in choice.where:
        sql = ("" if name == first else free) + sql_of(view, view.by_name[name])
        where.append(_holds(view, name, sql, condition, given))
    if choice.q:
        asked = Condition("contains", choice.q)
        texts = [
            _holds(view, name, free + sql_of(view, view.by_name[name]), asked, given)
            for name in view.searched
        ]
        where.append(f"({' OR '.join(texts)})")
    return " AND ".join(where), params


def free_of(engine: Engine) -> str:
    """What keeps SQLite from looking up a column in an index. Postgres knows when to."""
    return "" if engine == "postgres" else "+"


def _holds(
    view: View, name: str, sql: str, condition: Condition, given: Callable[[Value], str]
) -> str:
    value = condition.value
    match condition.operator:
        case "unknown":
            return f"{sql} IS NULL"
        case "known":
            return f"{sql} IS NOT NULL"
        case "contains":
            text = _lower(str(value))
            if view.table in ("providers", "models") and name == "name":
                # As search has it, whatever the alphabet.
                folded = "coalesce(t.name_folded, lower(t.name))"
                return _contains(folded, fold(str(value)), given)
            if view.table in ("pricing", "benchmarks") and name == "modelId":
                # Models are fewer.
                inside = _contains("lower(m.id)", text, given)
                return f"{sql} IN (SELECT m.id FROM models AS m WHERE {inside})"
            if name in _FEW.get(view.name, ()):
                inside = _contains("lower(v)", text, given)
                return f"{sql} IN ({_values(view, name)} SELECT v FROM each_value WHERE {inside})"
            return _contains(f"lower({sql})", text, given)
        case "in":
            values = cast("tuple[str, ...]", value)
            return f"{sql} IN ({', '.join(map(given, values))})"
        case "has":
            values = cast("tuple[str, ...]", value)
            inside = f"',' || {sql} || ','"
            return " AND ".join(f"{inside} LIKE {given(f'%,{one},%')}" for one in values)
    return f"{sql} {condition.operator} {given(_stored(value))}"


def _values(view: View, name: str) -> str:
    """A table `each_value` of the values of a column, from one to the next in its index."""
    column, rows = sql_of(view, view.by_name[name]), FROM[view.name]
    return f"""WITH RECURSIVE each_value (v) AS (
        SELECT min({column}) FROM {rows} UNION ALL
        SELECT (SELECT min({column}) FROM {rows} WHERE {column} > v) FROM each_value
        WHERE v IS NOT NULL
    )"""


def _contains(sql: str, text: str, given: Callable[[Value], str]) -> str:
    return f"{sql} LIKE {given(f'%{like(text)}%')} ESCAPE '\\'"


def _lower(text: str) -> str:
    """In lower case as databases have it: ASCII alone."""
    return "".join(c.lower() if c.isascii() else c for c in text)


def _stored(value: Any) -> Value:
    if isinstance(value, Decimal):
        return to_billionths(value)
    return int(value) if isinstance(value, bool) else cast(Value, value)
