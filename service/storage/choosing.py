"""Which rows of a view are chosen, as SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, cast

from service.domain.conditions import Choice, Condition
from service.domain.decimals import to_billionths
from service.domain.pricing import FIGURES
from service.domain.text import fold
from service.domain.viewer import Column, View
from service.storage.database import Value
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


# Columns of large tables by which an index has the rows in order.
ORDERED: Final[Mapping[str, frozenset[str]]] = {
    "pricing": frozenset({"id", "effectiveDate", "inputPrice", "outputPrice", "updatedAt"}),
    "changes": frozenset({"revision", "modelId", "kind", "changedAt"}),
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


def where_of(choice: Choice, free: str = "") -> tuple[str, dict[str, Value]]:
    """The condition on a row, and its parameters.

    With `+` for `free`, which SQLite reads as: not by an index, only the first column of the order
    may be looked up.
    """
    view = choice.view
    params: dict[str, Value] = {}

    def given(value: Value) -> str:
        params[f"p{len(params)}"] = value
        return f":p{len(params) - 1}"

    where = ["1 = 1"]
    if view.table and choice.deleted != "any":
        where.append(f"t.deleted_at IS {'NOT' if choice.deleted == 'only' else ''} NULL")
    first = order_of(choice)[0][0].name
    for name, condition in choice.where:
        led = "" if name == first else free
        where.append(_holds(view, view.by_name[name], condition, given, led))
    if choice.q:
        asked = Condition("contains", choice.q)
        texts = [_holds(view, view.by_name[name], asked, given, free) for name in view.searched]
        where.append(f"({' OR '.join(texts)})")
    return " AND ".join(where), params


def _holds(
    view: View, column: Column, condition: Condition, given: Callable[[Value], str], free: str
) -> str:
    sql, value = free + sql_of(view, column), condition.value
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
                return f"{sql} IN (SELECT m.id FROM models AS m WHERE {inside})"
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
