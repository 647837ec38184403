"""The change log: one entry per changed row, numbered by the revision."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from service.domain.benchmarks import Score
from service.domain.models import Model
from service.domain.pricing import Price
from service.domain.providers import Provider
from service.domain.values import Record, Timestamp

Table = Literal["providers", "models", "pricing", "benchmarks"]
ChangeKind = Literal[
    "provider_added",
    "provider_changed",
    "provider_deleted",
    "provider_restored",
    "model_added",
    "model_changed",
    "model_deprecated",
    "model_deleted",
    "model_restored",
    "price_added",
    "price_changed",
    "price_corrected",
    "price_effective",
    "price_deleted",
    "price_restored",
    "score_added",
    "score_changed",
    "score_deleted",
    "score_restored",
]

ChangedRow = Provider | Model | Price | Score


class Change(Record, frozen=True, kw_only=True):
    """What one revision changed: the whole row before and after."""

    revision: int
    table: Table
    id: Annotated[str, Meta(description="Key of the changed row.")]
    model_id: Annotated[str | None, Meta(description="The model that the row belongs to.")]
    kind: ChangeKind
    before: Annotated[
        ChangedRow | None,
        Meta(description="The row as it was; for a new price the one that it follows; else null."),
    ]
    after: Annotated[
        ChangedRow | None,
        Meta(description="The row as it is, also where it is marked as deleted; else null."),
    ]
    actor: Annotated[str, Meta(description="Who wrote: a token's name, or `sql` by hand.")]
    run_id: Annotated[str | None, Meta(description="The pipeline run that brought it.")]
    changed_at: Timestamp
