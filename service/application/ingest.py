"""Writing batches."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

import msgspec
from msgspec import UNSET

from service.domain.batches import Batch, BatchResult, TableCounts
from service.domain.pricing import FIGURES, PriceRow, state_of
from service.errors import InvalidRequest
from service.storage import ingest as stored
from service.storage.database import Database
from service.storage.writing import Author


async def apply(
    db: Database,
    batch: Batch,
    *,
    actor: str,
    now: datetime.datetime,
    run_id: str | None = None,
) -> BatchResult:
    """Write a batch, all or nothing. Sent twice it changes nothing the second time.

    Raises `InvalidRequest` for rows that are twice in the batch, `Conflict` for a row that breaks
    a constraint.
    """
    batch = msgspec.structs.replace(batch, pricing=tuple(map(_with_state, batch.pricing)))
    sizes = {
        "providers": _unique("providers", [row.id for row in batch.providers]),
        "models": _unique("models", [row.id for row in batch.models]),
        "pricing": _unique("pricing", map(_price_key, batch.pricing)),
        "benchmarks": _unique(
            "benchmarks", [(row.model_id, row.benchmark_name) for row in batch.benchmarks]
        ),
    }
    revision, written = await stored.apply(db, batch, Author(actor, now, run_id))
    counts = {
        table: TableCounts(
            created=done.created,
            updated=done.updated,
            unchanged=sizes[table] - done.created - done.updated,
        )
        for table, done in written.items()
    }
    return BatchResult(revision=revision, **counts)


def _with_state(row: PriceRow) -> PriceRow:
    """A price that names figures but no state has the state that they speak of."""
    figures = [getattr(row, name) for name in FIGURES]
    if row.state is not UNSET or all(figure is UNSET for figure in figures):
        return row
    return msgspec.structs.replace(row, state=state_of(f for f in figures if f is not UNSET))


def _price_key(row: PriceRow) -> tuple[object, ...]:
    day = row.effective_date or row.observed_on
    return row.model_id, row.service_tier, row.context_threshold, day


def _unique(table: str, keys: Iterable[object]) -> int:
    """How many rows there are, none of them twice."""
    seen: dict[object, int] = {}
    for i, key in enumerate(keys):
        if (first := seen.setdefault(key, i)) != i:
            raise InvalidRequest(f"{table}[{i}] is the same row as {table}[{first}]: send it once")
    return len(seen)
