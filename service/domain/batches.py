"""A batch: rows of the four tables that are written together, all or none."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from service.domain.benchmarks import ScoreRow
from service.domain.changes import Table
from service.domain.models import ModelRow
from service.domain.pricing import PriceRow
from service.domain.providers import ProviderRow
from service.domain.values import Record

# Its tables, each after those that its rows refer to.
BATCHED: Final[tuple[Table, ...]] = ("providers", "models", "pricing", "benchmarks")


class Batch(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Upserts on natural keys: provider id, model id, price series and day, model and benchmark."""

    providers: tuple[ProviderRow, ...] = ()
    models: tuple[ModelRow, ...] = ()
    pricing: tuple[PriceRow, ...] = ()
    benchmarks: tuple[ScoreRow, ...] = ()


class TableCounts(Record, frozen=True, kw_only=True):
    """What became of the rows of one table.

    A row is created, updated, unchanged or held; one that is locked in a part may be updated too.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    locked: Annotated[
        int,
        Meta(
            description="Rows that a lock, or a deletion of them or of what they belong to, left"
            " alone in some part."
        ),
    ] = 0
    held: Annotated[int, Meta(description="Prices kept apart for review.")] = 0


class Left(Record, frozen=True, kw_only=True):
    """Something that a batch left alone."""

    table: Table
    index: Annotated[int, Meta(description="Place of the row in the batch's table, from 0.")]
    id: Annotated[
        str,
        Meta(
            description="Key of the stored row; of what is deleted, where there is none; of a held"
            " price the id by which it is accepted or rejected."
        ),
    ]
    field: Annotated[str | None, Meta(description="The locked field; null for the whole row.")]
    reason: Literal["locked", "deleted", "held"]


class BatchResult(Record, frozen=True, kw_only=True):
    """What a batch did, per table; `revision` is the newest after it."""

    run_id: str
    revision: int
    providers: TableCounts
    models: TableCounts
    pricing: TableCounts
    benchmarks: TableCounts
    left: Annotated[
        tuple[Left, ...], Meta(description="What it left alone, the first 100 of it.")
    ] = ()
    left_total: Annotated[int, Meta(description="How much it left alone in all.")] = 0
