"""Prices that are held for review: they differ too much from the current one to publish unseen."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from service.domain.pricing import Price, PriceState, ServiceTier, Usd
from service.domain.queries import Id, Page, PageSize, Query
from service.domain.values import Date, Record, Timestamp

HeldStatus = Literal["pending", "accepted", "rejected"]


class ProposedPrice(Record, frozen=True, kw_only=True):
    """A price as its source has it; null where it says nothing."""

    input_price: Usd | None
    output_price: Usd | None
    cached_input_price: Usd | None
    cache_write_price: Usd | None
    reasoning_price: Usd | None
    input_audio_price: Usd | None
    output_audio_price: Usd | None
    state: PriceState | None
    source_url: str | None
    verified_at: Timestamp | None


class HeldPrice(Record, frozen=True, kw_only=True):
    """A proposed price beside the stored one that it was compared with."""

    id: int
    model_id: str
    service_tier: ServiceTier
    context_threshold: int
    effective_date: Date
    proposed: ProposedPrice
    current: Annotated[Price, Meta(description="The stored price, as it is now.")]
    source: Annotated[str | None, Meta(description="The catalogue that its run read.")]
    status: HeldStatus
    actor: Annotated[str, Meta(description="Who proposed it.")]
    run_id: str | None
    held_at: Timestamp
    decided_at: Timestamp | None
    decided_by: str | None


class HeldQuery(Query, frozen=True, kw_only=True):
    """`GET /v1/pipeline/held`."""

    status: HeldStatus = "pending"
    model: Annotated[Id | None, Meta(description="Prices of one model.")] = None
    page: Page = 1
    page_size: PageSize = 50
