"""The four tables as writers see them: what names a row, and what a source or a person may set."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

import msgspec
from msgspec import UNSET

from service.domain.benchmarks import ScoreRow
from service.domain.changes import Table
from service.domain.decimals import to_billionths
from service.domain.models import ModelRow
from service.domain.pricing import FIGURES, PriceRow
from service.domain.providers import ProviderRow
from service.domain.text import folded_name
from service.domain.values import timestamp
from service.storage.mapping import MODEL, PRICE, PROVIDER, SCORE, Mapper


class TableSpec(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """How the rows of one table are written."""

    name: Table
    row: type[msgspec.Struct]
    mapper: Mapper[Any]
    # What makes two rows the same one.
    key: tuple[str, ...]
    # What may be set, in the order of the bits of `given`.
    columns: tuple[str, ...]
    # The value of a new row's column that is not set: null unless named here.
    defaults: dict[str, str] = {}
    # Whether rows are numbered, in the order of their making.
    numbered: bool = False
    # What the columns of `m` must keep to, as the schema says it.
    rule: str = "TRUE"

    @cached_property
    def bits(self) -> dict[str, int]:
        """The bit of each column in `given`."""
        return {column: 1 << i for i, column in enumerate(self.columns)}

    @cached_property
    def fields(self) -> dict[str, str]:
        """Columns that can be set and locked, by their names in the API."""
        names = zip(self.row.__struct_encode_fields__, self.row.__struct_fields__, strict=True)
        found = ((name, FIGURES.get(field, field)) for name, field in names)
        return {name: column for name, column in found if column in self.bits}

    @cached_property
    def members(self) -> list[tuple[str, str]]:
        """Columns that a row's members are stored in, and the members."""
        found = {FIGURES.get(field, field): field for field in self.row.__struct_fields__}
        return [(column, found[column]) for column in self.columns if column in found]

    def mask(self, name: str) -> int:
        """The bits that a lock on an API field takes away; a name takes its folded form along."""
        bits = self.bits[self.fields[name]]
        return bits | self.bits["name_folded"] if name == "name" else bits


FIGURE_BITS: Final = (1 << len(FIGURES)) - 1

PROVIDERS: Final = TableSpec(
    name="providers",
    row=ProviderRow,
    mapper=PROVIDER,
    key=("id",),
    columns=("name", "name_folded", "website", "api_docs_url"),
)
MODELS: Final = TableSpec(
    name="models",
    row=ModelRow,
    mapper=MODEL,
    key=("id", "provider_id", "model_id"),
    columns=(
        *(f for f in ModelRow.__struct_fields__ if f not in ("provider_id", "model_id")),
        "name_folded",
    ),
    defaults={
        "mode": "'chat'",
        "deprecated": "0",
        "input_modalities": "''",
        "output_modalities": "''",
    },
)
PRICING: Final = TableSpec(
    name="pricing",
    row=PriceRow,
    mapper=PRICE,
    key=("model_id", "service_tier", "context_threshold", "effective_date"),
    columns=(*FIGURES.values(), "state", "source_url", "verified_at"),
    numbered=True,
    rule="""(
        (m.state <> 'free'
            OR coalesce(m.input_price_per_million, 0) + coalesce(m.output_price_per_million, 0) = 0)
        AND (m.state <> 'unknown'
            OR coalesce(m.input_price_per_million, m.output_price_per_million) IS NULL)
    )""",
)
BENCHMARKS: Final = TableSpec(
    name="benchmarks",
    row=ScoreRow,
    mapper=SCORE,
    key=("model_id", "benchmark_name"),
    columns=tuple(f for f in ScoreRow.__struct_fields__ if f not in ("model_id", "benchmark_name")),
    defaults={"higher_is_better": "1"},
    numbered=True,
    rule="(coalesce(m.score_low <= m.score, TRUE) AND coalesce(m.score_high >= m.score, TRUE))",
)
TABLES: Final = (PROVIDERS, MODELS, PRICING, BENCHMARKS)
BY_NAME: Final[dict[str, TableSpec]] = {table.name: table for table in TABLES}

# Columns that are not text.
_INTEGERS: Final = frozenset(
    {
        *FIGURES.values(),
        *(f"supports_{name}" for name in ("vision", "tools", "function_calling", "streaming")),
        *(f"supports_{name}" for name in ("reasoning", "structured_output", "prompt_caching")),
        *("context_window", "max_output", "open_weights", "deprecated", "context_threshold"),
        *("score", "score_low", "score_high", "higher_is_better", "self_reported"),
        *("place", "given", "observed"),
    }
)


def typed(expression: str, column: str) -> str:
    """A value as its column has it, for engines that must be told."""
    return f"CAST({expression} AS {'BIGINT' if column in _INTEGERS else 'TEXT'})"


def derived_state(figures: Sequence[str]) -> str:
    """The state that figures, each a SQL expression, speak of by themselves.

    The same as `service.domain.pricing.state_of`.
    """
    total = " + ".join(f"coalesce({figure}, 0)" for figure in figures)
    return (
        f"CASE WHEN {total} > 0 THEN 'paid'"
        f" WHEN coalesce({', '.join(figures)}) IS NOT NULL THEN 'free' ELSE 'unknown' END"
    )


def given_values(table: TableSpec, row: msgspec.Struct) -> dict[str, str | int | None]:
    """What a row or an edit sets, as it is stored, by column."""
    found: dict[str, str | int | None] = {}
    for column, field in table.members:
        value = getattr(row, field, UNSET)
        if value is not UNSET:
            convert = _STORED.get(type(value))
            found[column] = convert(value) if convert else value
    if "name_folded" in table.bits and "name" in found:
        found["name_folded"] = folded_name(row.name)  # type: ignore[attr-defined]
    return found


def stored(value: Any) -> Any:
    """A value as it is stored: text, a whole number or null."""
    convert = _STORED.get(type(value))
    return convert(value) if convert else value


_STORED: Final[dict[type, Callable[[Any], str | int]]] = {
    Decimal: to_billionths,
    bool: int,
    datetime.datetime: timestamp,
    datetime.date: datetime.date.isoformat,
    tuple: lambda chosen: ",".join(sorted(set(chosen))),
}
