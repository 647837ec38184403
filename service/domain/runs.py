"""Pipeline runs: what brought data in, when and with what result."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from service.domain.values import Record, Timestamp

RunStatus = Literal["running", "success", "failed"]


class Run(Record, frozen=True, kw_only=True):
    """One run of a pipeline."""

    id: str
    status: RunStatus
    source: Annotated[str | None, Meta(description="The catalogue it read.")]
    actor: str
    started_at: Timestamp
    completed_at: Timestamp | None
    models_updated: int
    counts: dict[str, Any]
    errors: list[Any]
    created_at: Timestamp
