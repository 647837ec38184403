"""Upserts of a whole batch: two statements per table, whatever its size.

Rows travel as one JSON document per statement. Each carries in `given` one bit per column that its
source spoke of; the others keep what is stored. Rows that are equal to what is stored, and rows
that somebody deleted, are not touched.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from service.domain.batches import Batch
from service.domain.benchmarks import ScoreRow
from service.domain.decimals import to_billionths
from service.domain.models import ModelRow
from service.domain.pricing import FIGURES, PriceRow
from service.domain.providers import ProviderRow
from service.domain.text import folded_name
from service.domain.values import timestamp
from service.storage.database import Database, Engine, Result, Statement
from service.storage.writing import Author, write

_ROWS: dict[Engine, str] = {
    "sqlite": "json_each(:rows)",
    "libsql": "json_each(:rows)",
    "postgres": "jsonb_array_elements(CAST(:rows AS jsonb))",
}
# Columns that are not text.
_INTEGERS = frozenset(
    {
        *FIGURES.values(),
        *(f"supports_{name}" for name in ("vision", "tools", "function_calling", "streaming")),
        *(f"supports_{name}" for name in ("reasoning", "structured_output", "prompt_caching")),
        *("context_window", "max_output", "open_weights", "deprecated", "context_threshold"),
        *("score", "score_low", "score_high", "higher_is_better", "self_reported"),
        *("place", "given"),
    }
)


class _Table(NamedTuple):
    """How the rows of one table are written."""

    name: str
    # What makes two rows the same one; the first columns of the table's rows.
    key: tuple[str, ...]
    # What a source may set, and the value of a new row where it does not: null unless named here.
    columns: tuple[str, ...]
    defaults: dict[str, str]
    # Whether new rows are numbered, in the order of the batch.
    numbered: bool


_PROVIDERS = _Table(
    "providers", ("id",), ("name", "name_folded", "website", "api_docs_url"), {}, False
)
_MODELS = _Table(
    "models",
    ("id", "provider_id", "model_id"),
    (
        *(f for f in ModelRow.__struct_fields__ if f not in ("provider_id", "model_id")),
        "name_folded",
    ),
    {"mode": "'chat'", "deprecated": "0", "input_modalities": "''", "output_modalities": "''"},
    False,
)
_PRICING = _Table(
    "pricing",
    ("model_id", "service_tier", "context_threshold", "effective_date"),
    (*FIGURES.values(), "state", "source_url", "verified_at"),
    {"state": "'unknown'"},
    True,
)
_BENCHMARKS = _Table(
    "benchmarks",
    ("model_id", "benchmark_name"),
    tuple(f for f in ScoreRow.__struct_fields__ if f not in ("model_id", "benchmark_name")),
    {"higher_is_better": "1"},
    True,
)
TABLES = (_PROVIDERS, _MODELS, _PRICING, _BENCHMARKS)


class Written(NamedTuple):
    """Rows of one table that were new, and rows that were changed."""

    created: int
    updated: int


async def apply(db: Database, batch: Batch, author: Author) -> tuple[int, dict[str, Written]]:
    """Write a batch, all or nothing; the newest revision, and counts per table.

    Raises `Conflict` where a row breaks a constraint, as a price of an unknown model does.
    """
    sources: tuple[Sequence[msgspec.Struct], ...] = (
        batch.providers,
        batch.models,
        batch.pricing,
        batch.benchmarks,
    )
    statements: list[Statement] = []
    written = []
    for table, rows in zip(TABLES, sources, strict=True):
        if rows:
            written.append(table.name)
            statements += _upsert(db.engine, table, rows, author)
    revision, results = await write(db, author, *statements)
    counts = {table.name: Written(0, 0) for table in TABLES}
    for i, name in enumerate(written):
        counts[name] = _written(results[2 * i], results[2 * i + 1])
    return revision, counts


def _written(updated: Result, created: Result) -> Written:
    return Written(created.affected, updated.affected)


def _upsert(
    engine: Engine, table: _Table, rows: Sequence[msgspec.Struct], author: Author
) -> tuple[Statement, Statement]:
    name, key, columns = table.name, table.key, table.columns
    merged = [
        f"CASE WHEN (r.given & {1 << i}) <> 0 THEN r.{c} ELSE t.{c} END"
        for i, c in enumerate(columns)
    ]
    same_row = " AND ".join(f"t.{column} = r.{column}" for column in key)
    source = f"(\n{_source(engine, table)}\n) AS r"
    document = msgspec.json.encode([_encoded(table, i, row) for i, row in enumerate(rows)]).decode()
    params = {"rows": document, "now": timestamp(author.now)}
    update = f"""
        UPDATE {name} AS t
        SET {", ".join(f"{c} = {m}" for c, m in zip(columns, merged, strict=True))},
            updated_at = :now
        FROM {source}
        WHERE {same_row} AND t.deleted_at IS NULL
            AND ({", ".join(merged)})
                IS DISTINCT FROM ({", ".join(f"t.{c}" for c in columns)})
    """
    new = [
        f"coalesce(r.{c}, {table.defaults[c]})" if c in table.defaults else f"r.{c}"
        for c in columns
    ]
    number, numbered = "", ""
    if table.numbered:
        number = "id, "
        numbered = (
            f"(SELECT coalesce(max(id), 0) FROM {name}) + row_number() OVER (ORDER BY r.place), "
        )
    insert = f"""
        INSERT INTO {name} ({number}{", ".join((*key, *columns))}, created_at, updated_at)
        SELECT {numbered}{", ".join(f"r.{c}" for c in key)}, {", ".join(new)}, :now, :now
        FROM {source}
        WHERE NOT EXISTS (SELECT 1 FROM {name} AS t WHERE {same_row})
        ORDER BY r.place
    """
    return (
        Statement(f"ingest.update_{name}", update, params),
        Statement(f"ingest.insert_{name}", insert, params),
    )


def _source(engine: Engine, table: _Table) -> str:
    """The rows of the document, typed; observed prices only where they are news."""
    columns = ", ".join(
        f"CAST(e.value ->> '{c}' AS {'BIGINT' if c in _INTEGERS else 'TEXT'}) AS {c}"
        for c in ("place", "given", *table.key, *table.columns)
    )
    if table is not _PRICING:
        return f"SELECT {columns} FROM {_ROWS[engine]} AS e"
    figures = (*FIGURES.values(), "state")
    bits = {c: 1 << i for i, c in enumerate(table.columns)}
    merged = ", ".join(
        f"CASE WHEN (o.given & {bits[c]}) <> 0 THEN o.{c} ELSE p.{c} END" for c in figures
    )
    return f"""
        SELECT o.* FROM (
            SELECT {columns}, CAST(e.value ->> 'observed' AS BIGINT) AS observed
            FROM {_ROWS[engine]} AS e
        ) AS o
        WHERE o.observed = 0 OR NOT EXISTS (
            SELECT 1 FROM pricing AS p
            WHERE p.id = (
                SELECT a.id FROM pricing AS a
                WHERE a.model_id = o.model_id AND a.service_tier = o.service_tier
                    AND a.context_threshold = o.context_threshold AND a.deleted_at IS NULL
                    AND a.effective_date <= o.effective_date
                ORDER BY a.effective_date DESC LIMIT 1
            ) AND ({merged}) IS NOT DISTINCT FROM ({", ".join(f"p.{c}" for c in figures)})
        )
    """


def _encoded(table: _Table, place: int, row: msgspec.Struct) -> dict[str, Any]:
    """One row of the document: stored values by column, with its place and what was given."""
    values: dict[str, Any] = {
        FIGURES.get(field, field): value
        for field, value in msgspec.structs.asdict(row).items()
        if value is not UNSET
    }
    match row:
        case ProviderRow() | ModelRow():
            values["name_folded"] = folded_name(row.name)
        case PriceRow():
            values["observed"] = int(row.observed_on is not None)
            values["effective_date"] = row.effective_date or row.observed_on
    if isinstance(row, ModelRow):
        values["id"] = row.id
    encoded = {column: _stored(value) for column, value in values.items() if value is not None}
    given = sum(1 << i for i, column in enumerate(table.columns) if column in values)
    return encoded | {"place": place, "given": given}


def _stored(value: Any) -> str | int:
    """A value as it is stored."""
    match value:
        case Decimal():
            return to_billionths(value)
        case bool():
            return int(value)
        case datetime.datetime():
            return timestamp(value)
        case datetime.date():
            return value.isoformat()
        case tuple():
            return ",".join(sorted(set(value)))
    assert isinstance(value, str | int)
    return value
