"""What a source says, as rows: collected, merged with other sources, cut into batches."""

from __future__ import annotations

import datetime
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain
from typing import Any, Final, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from service.domain import decimals
from service.domain.batches import Batch
from service.domain.benchmarks import ScoreRow
from service.domain.models import ModelRow
from service.domain.pricing import FIGURES, PriceRow
from service.domain.providers import ProviderRow
from service.errors import InvalidRequest

Table = Literal["providers", "models", "pricing", "benchmarks"]
Row = ProviderRow | ModelRow | PriceRow | ScoreRow
RowType = TypeVar("RowType", ProviderRow, ModelRow, PriceRow, ScoreRow)
# What tells the prices of one model apart that hold at the same time.
Series = tuple[str, str, int]

DAY: Final = datetime.timedelta(days=1)


class Rejected(NamedTuple):
    """Something that a source says and that is not stored as it says it."""

    table: Table
    what: str
    why: str
    # Rows or members that one entry speaks for.
    rows: int = 1


@dataclass(slots=True, kw_only=True)
class Catalogue:
    """What a source says on one day. Rows are unique by natural key and fit the domain."""

    name: str
    as_of: datetime.date
    providers: dict[str, ProviderRow] = field(default_factory=dict)
    models: dict[str, ModelRow] = field(default_factory=dict)
    pricing: list[PriceRow] = field(default_factory=list)
    benchmarks: dict[tuple[str, str], ScoreRow] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)

    def reject(self, table: Table, what: str, why: str, rows: int = 1) -> None:
        self.rejected.append(Rejected(table, what, why, rows))

    def add(self, row: Row) -> bool:
        """Take a row that the domain allows; one that it refuses is rejected by name."""
        if isinstance(row, ProviderRow | ModelRow):
            row = msgspec.structs.replace(row, name=" ".join(row.name.split()))
        table, what = _TABLES[type(row)], _name(row)
        if fault := _fault(row):
            self.reject(table, what, fault)
            return False
        match row:
            case ProviderRow():
                self.providers[row.id] = row
            case ModelRow():
                self.models[row.id] = row
            case PriceRow():
                self.pricing.append(row)
            case ScoreRow():
                self.benchmarks[row.model_id, row.benchmark_name] = row
        return True


_TABLES: Final[dict[type, Table]] = {
    ProviderRow: "providers",
    ModelRow: "models",
    PriceRow: "pricing",
    ScoreRow: "benchmarks",
}


def _name(row: Row) -> str:
    match row:
        case PriceRow():
            day = row.effective_date or row.observed_on
            return f"{row.model_id} {row.service_tier} {row.context_threshold} {day}"
        case ScoreRow():
            return f"{row.model_id} {row.benchmark_name}"
        case _:
            return row.id


def _fault(row: Row) -> str | None:
    try:
        msgspec.convert(msgspec.to_builtins(row), type(row))
        for value in msgspec.structs.asdict(row).values():
            if isinstance(value, Decimal):
                decimals.to_billionths(value)
    except InvalidRequest as error:
        return error.message
    except msgspec.ValidationError as error:
        if malformed := re.search(r"matching regex .* at `\$\.(\w+)`", str(error)):
            return f"{malformed[1]} holds characters that it may not have"
        return str(error)
    return None


def series(row: PriceRow) -> Series:
    return row.model_id, row.service_tier, row.context_threshold


def merge(catalogues: Sequence[Catalogue]) -> Catalogue:
    """One catalogue of several: rows unique by natural key, and every reference resolved.

    The first source that knows a member of a provider, model or score has it; a model is
    deprecated as soon as one source says so. For prices see `settle`.
    """
    merged = Catalogue(
        name=" + ".join(c.name for c in catalogues), as_of=max(c.as_of for c in catalogues)
    )
    for catalogue in catalogues:
        merged.rejected += catalogue.rejected
        for provider in catalogue.providers.values():
            merged.providers[provider.id] = _fill(merged.providers.get(provider.id), provider)
        for model in catalogue.models.values():
            filled = _fill(merged.models.get(model.id), model)
            if model.deprecated is True:
                filled = msgspec.structs.replace(filled, deprecated=True)
            merged.models[model.id] = filled
        for key, score in catalogue.benchmarks.items():
            merged.benchmarks[key] = _fill(merged.benchmarks.get(key), score)
    for model in list(merged.models.values()):
        if model.provider_id not in merged.providers:
            merged.reject("models", model.id, "no source knows its provider")
            del merged.models[model.id]
    for price in settle(chain.from_iterable(c.pricing for c in catalogues), merged):
        if price.model_id in merged.models:
            merged.pricing.append(price)
        else:
            merged.reject("pricing", _name(price), _NO_MODEL)
    for key, score in list(merged.benchmarks.items()):
        if score.model_id not in merged.models:
            merged.reject("benchmarks", _name(score), _NO_MODEL)
            del merged.benchmarks[key]
    return merged


_NO_MODEL: Final = "its model is not stored"


def _fill(first: RowType | None, second: RowType) -> RowType:
    """The first row, with what only the second one knows."""
    if first is None:
        return second
    known = msgspec.structs.asdict(second)
    missing = {
        name: known[name]
        for name, value in msgspec.structs.asdict(first).items()
        if (value is UNSET or value is None) and known[name] is not UNSET
    }
    return msgspec.structs.replace(first, **missing)


def settle(rows: Iterable[PriceRow], report: Catalogue) -> Iterator[PriceRow]:
    """Of all that sources say about prices, what is new at its time.

    Dated rows stay. An observed row stays only where it differs from what applied on its day,
    which is the rule of `PriceRow`, applied here so that rows of one batch need not be written
    one after the other. Of two rows for the same day the first one counts, dated before observed;
    the other is reported where it says something else.
    """
    by_series: dict[Series, list[PriceRow]] = defaultdict(list)
    for row in rows:
        by_series[series(row)].append(row)
    for group in by_series.values():
        days: dict[datetime.date, PriceRow] = {}
        for row in sorted(group, key=lambda row: row.effective_date is None):
            day = row.effective_date or row.observed_on
            assert day is not None, "PriceRow has one of the two"
            if day not in days:
                days[day] = row
            elif differs(row, days[day]):
                report.reject("pricing", _name(row), "another price for the same day came first")
        applied: PriceRow | None = None
        for _, row in sorted(days.items()):
            if applied is None or row.effective_date is not None or differs(row, applied):
                yield row
                applied = row


def differs(new: PriceRow, old: PriceRow) -> bool:
    """Whether a row says something else than an older one; what it leaves out is no difference."""
    if new.state is not UNSET and new.state != old.state:
        return True
    return any(
        not isinstance(figure := getattr(new, name), UnsetType)
        and figure != (None if (was := getattr(old, name)) is UNSET else was)
        for name in FIGURES
    )


def batches(catalogue: Catalogue, size: int = 2000) -> Iterator[Batch]:
    """The catalogue in batches of at most `size` rows, each after the rows that it refers to.

    Prices go out in order of their days, so that a history is never written backwards.
    """
    prices = sorted(
        catalogue.pricing, key=lambda row: (row.observed_on or row.effective_date, series(row))
    )
    tables: tuple[tuple[Table, Sequence[Any]], ...] = (
        ("providers", list(catalogue.providers.values())),
        ("models", list(catalogue.models.values())),
        ("pricing", prices),
        ("benchmarks", list(catalogue.benchmarks.values())),
    )
    for table, rows in tables:
        for start in range(0, len(rows), size):
            part = {table: tuple(rows[start : start + size])}
            yield Batch(**part)
