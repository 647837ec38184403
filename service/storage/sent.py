"""Rows as they are sent: a JSON document per table, and as SQL what is in it.

Each row carries in `given` one bit per column that its source spoke of; the others keep what is
stored.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, Final

import msgspec

from service.domain.pricing import FIGURES, PriceRow
from service.storage.database import Engine
from service.storage.tables import (
    FIGURE_BITS,
    MODELS,
    PRICING,
    PROVIDERS,
    TableSpec,
    derived_state,
    given_values,
    typed,
)

_ROWS: Final[dict[Engine, str]] = {
    "sqlite": "json_each(:rows)",
    "libsql": "json_each(:rows)",
    "postgres": "jsonb_array_elements(CAST(:rows AS jsonb))",
}
# Bytes of one document: a libSQL server takes a text of up to 4 MiB.
_LARGEST: Final = 4_000_000


def documents(table: TableSpec, rows: Sequence[msgspec.Struct]) -> Generator[None, None, list[str]]:
    """The rows as JSON: stored values by column, with place, `given` and what names them.

    Several documents where one would be larger than engines take. Yields after each row. Raises
    `InvalidRequest` for a figure that cannot be stored.
    """
    made: list[list[bytes]] = []
    size = _LARGEST
    for place, row in enumerate(rows):
        encoded = msgspec.json.encode(_encoded(table, place, row))
        if size + len(encoded) > _LARGEST:
            made.append([])
            size = 0
        made[-1].append(encoded)
        size += len(encoded) + 1
        yield
    return [f"[{b','.join(one).decode()}]" for one in made]


def _encoded(table: TableSpec, place: int, row: msgspec.Struct) -> dict[str, Any]:
    """One row of the document."""
    values = given_values(table, row)
    given = 0
    encoded: dict[str, Any] = {"place": place}
    for column, value in values.items():
        given |= table.bits[column]
        if value is not None:
            encoded[column] = value
    encoded["given"] = given
    if isinstance(row, PriceRow):
        day = row.effective_date or row.observed_on
        encoded["model_id"] = row.model_id
        encoded["service_tier"] = row.service_tier
        encoded["context_threshold"] = row.context_threshold
        encoded["effective_date"] = None if day is None else day.isoformat()
        encoded["observed"] = int(row.observed_on is not None)
    else:
        for column in table.key:
            encoded[column] = getattr(row, column)
    return encoded


def all_rows(engine: Engine, table: TableSpec) -> str:
    """The rows of the document, typed."""
    names = ["place", "given", *table.key, *table.columns]
    if table is PRICING:
        names.append("observed")
    columns = [typed(f"e.value ->> '{name}'", name) + f" AS {name}" for name in names]
    return f"SELECT {', '.join(columns)} FROM {_ROWS[engine]} AS e"


def source(engine: Engine, table: TableSpec) -> str:
    """The rows of the document that belong to nothing deleted; observed ones that are news."""
    if table is PROVIDERS:
        return all_rows(engine, table)
    offered = f"{deleted_parent(engine, table, 'o')} IS NULL"
    if table is not PRICING:
        return f"SELECT o.* FROM ({all_rows(engine, table)}) AS o WHERE {offered}"
    figures = (*FIGURES.values(), "state")
    merged = ", ".join(merged_value(table, column, "o", "p", "0") for column in figures)
    return f"""
        SELECT o.* FROM ({all_rows(engine, table)}) AS o
        WHERE {offered} AND (o.observed = 0 OR NOT EXISTS (
            SELECT 1 FROM pricing AS p WHERE p.id = {applied("o")}
                AND ({merged}) IS NOT DISTINCT FROM ({", ".join(f"p.{c}" for c in figures)})
        ))
    """


def deleted_parent(engine: Engine, table: TableSpec, row: str) -> str:
    """The id of the deleted model or provider that a row belongs to, else null.

    The provider is told by the id: a model that was left alone with it is not there to say.
    """

    def deleted(kind: str, id: str) -> str:
        return f"(SELECT d.id FROM {kind} AS d WHERE d.id = {id} AND d.deleted_at IS NOT NULL)"

    if table is MODELS:
        return deleted("providers", f"{row}.provider_id")
    model = f"{row}.model_id"
    provider = f"substr({model}, 1, instr({model}, '/') - 1)"
    if engine == "postgres":
        provider = f"split_part({model}, '/', 1)"
    return f"coalesce({deleted('models', model)}, {deleted('providers', provider)})"


def applied(row: str) -> str:
    """The key of the stored price that applied on the day of a row."""
    return f"""(
        SELECT a.id FROM pricing AS a
        WHERE a.model_id = {row}.model_id AND a.service_tier = {row}.service_tier
            AND a.context_threshold = {row}.context_threshold AND a.deleted_at IS NULL
            AND a.effective_date <= {row}.effective_date
        ORDER BY a.effective_date DESC LIMIT 1
    )"""


def merged_value(table: TableSpec, column: str, new: str, old: str, mask: str) -> str:
    """A column's value after a row was written over a stored one, locks left alone.

    A price without a state takes the one that its figures speak of.
    """
    bit = table.bits[column]
    merged = f"CASE WHEN ({new}.given & ~{mask} & {bit}) <> 0 THEN {new}.{column}"
    if table is PRICING and column == "state":
        figures = [merged_value(table, figure, new, old, mask) for figure in FIGURES.values()]
        merged += (
            f" WHEN ({mask} & {bit}) = 0 AND ({new}.given & ~{mask} & {FIGURE_BITS}) <> 0"
            f" THEN {derived_state(figures)}"
        )
    return f"{merged} ELSE {old}.{column} END"


def masks(table: TableSpec) -> str:
    """The locks of each row of the table, as bits of `given`."""
    bits = " ".join(f"WHEN '{name}' THEN {table.mask(name)}" for name in table.fields)
    return f"""(
        SELECT row_id, CAST(sum(CASE field {bits} ELSE 0 END) AS BIGINT) AS mask
        FROM locks WHERE table_name = '{table.name}' GROUP BY row_id
    )"""


def same_key(table: TableSpec, one: str, other: str) -> str:
    return " AND ".join(f"{one}.{column} = {other}.{column}" for column in table.key)
