"""Pipeline runs: what brought data in, when and with what result."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from service.domain.batches import Left, TableCounts
from service.domain.queries import Page, PageSize, Query
from service.domain.values import Record, Timestamp

RunStatus = Literal["running", "success", "failed"]
Source = Annotated[
    str, Meta(min_length=1, max_length=100, description="The catalogue that is read.")
]


class Run(Record, frozen=True, kw_only=True):
    """One run of a pipeline."""

    id: str
    status: RunStatus
    source: Annotated[str | None, Meta(description="The catalogue it read.")]
    actor: Annotated[str, Meta(description="Name of the token that opened it.")]
    started_at: Timestamp
    completed_at: Timestamp | None
    models_updated: Annotated[int, Meta(description="Models of which it changed anything.")]
    counts: Annotated[dict[str, TableCounts], Meta(description="Sums over its batches, by table.")]
    errors: list[Any]
    created_at: Timestamp


class RunDetail(Run, frozen=True, kw_only=True):
    """A run, and what it left alone."""

    batches: Annotated[int, Meta(description="Batches that it pushed.")]
    left: Annotated[tuple[Left, ...], Meta(description="What it left alone, the first 100 of it.")]
    left_total: int


class NewRun(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What opens a run."""

    source: Source | None = None


class RunEnd(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What closes a run."""

    status: Literal["success", "failed"] = "success"
    errors: Annotated[
        tuple[Any, ...], Meta(max_length=1000, description="What went wrong, in any form.")
    ] = ()


class RunQuery(Query, frozen=True, kw_only=True):
    """`GET /v1/pipeline/runs`."""

    status: RunStatus | None = None
    page: Page = 1
    page_size: PageSize = 50
