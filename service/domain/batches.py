"""A batch: rows of the four tables that are written together, all or none."""

from __future__ import annotations

from service.domain.benchmarks import ScoreRow
from service.domain.models import ModelRow
from service.domain.pricing import PriceRow
from service.domain.providers import ProviderRow
from service.domain.values import Record


class Batch(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Upserts on natural keys: provider id, model id, price series and day, model and benchmark."""

    providers: tuple[ProviderRow, ...] = ()
    models: tuple[ModelRow, ...] = ()
    pricing: tuple[PriceRow, ...] = ()
    benchmarks: tuple[ScoreRow, ...] = ()


class TableCounts(Record, frozen=True, kw_only=True):
    """What became of the rows of one table."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    locked: int = 0


class BatchResult(Record, frozen=True, kw_only=True):
    """What a batch did, per table; `revision` is the newest after it."""

    revision: int
    providers: TableCounts
    models: TableCounts
    pricing: TableCounts
    benchmarks: TableCounts
