"""Prices: US dollars per million tokens, exact, each from a day on."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, UnsetType

from service.domain.text import ID, URL
from service.domain.values import Date, Record, Timestamp

ServiceTier = Literal["standard", "batch", "flex", "priority"]
PriceState = Literal["paid", "free", "unknown", "subscription"]

Usd = Annotated[
    Decimal,
    Meta(description="US dollars per million tokens; null is unknown, 0 is free."),
]

# Names of the figures in the API and their columns, in the order in which they are shown.
FIGURES: Final[dict[str, str]] = {
    "input_price": "input_price_per_million",
    "output_price": "output_price_per_million",
    "cached_input_price": "cached_input_price",
    "cache_write_price": "cache_write_price",
    "reasoning_price": "reasoning_price",
    "input_audio_price": "input_audio_price",
    "output_audio_price": "output_audio_price",
}


def state_of(figures: Iterable[Decimal | None]) -> PriceState:
    """The state that figures speak of by themselves: zeros alone are free, none at all unknown."""
    known = [figure for figure in figures if figure is not None]
    if any(known):
        return "paid"
    return "free" if known else "unknown"


class Price(Record, frozen=True, kw_only=True):
    """What one service tier of a model costs from a day on, above a context threshold."""

    id: int
    model_id: str
    input_price: Usd | None
    output_price: Usd | None
    cached_input_price: Usd | None
    cache_write_price: Usd | None
    reasoning_price: Usd | None
    input_audio_price: Usd | None
    output_audio_price: Usd | None
    effective_date: Annotated[Date, Meta(description="First day on which it applies.")]
    service_tier: ServiceTier
    context_threshold: Annotated[
        int, Meta(description="Tokens of context from which it applies; 0 is the base price.")
    ]
    state: Annotated[
        PriceState,
        Meta(description="Paid by token, free, of unknown price, or part of a subscription."),
    ]
    source_url: str | None
    verified_at: Timestamp | None
    created_at: Timestamp
    updated_at: Timestamp


class PriceRow(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price as a pipeline writes it.

    A member left out keeps its stored value; in a price that begins on a new day it is unknown.

    With `effectiveDate` it is the price from that day on. With `observedOn` instead it was seen on
    that day, its beginning unknown: it is recorded as effective from then on, and only where it
    differs from what applied on that day. One of the two is needed.
    """

    model_id: Annotated[str, Meta(pattern=ID)]
    effective_date: datetime.date | None = None
    observed_on: datetime.date | None = None
    service_tier: ServiceTier = "standard"
    context_threshold: Annotated[int, Meta(ge=0, le=1_000_000_000_000)] = 0
    input_price: Usd | None | UnsetType = UNSET
    output_price: Usd | None | UnsetType = UNSET
    cached_input_price: Usd | None | UnsetType = UNSET
    cache_write_price: Usd | None | UnsetType = UNSET
    reasoning_price: Usd | None | UnsetType = UNSET
    input_audio_price: Usd | None | UnsetType = UNSET
    output_audio_price: Usd | None | UnsetType = UNSET
    state: PriceState | UnsetType = UNSET
    source_url: Annotated[str, Meta(pattern=URL)] | None | UnsetType = UNSET
    verified_at: Annotated[datetime.datetime, Meta(tz=True)] | None | UnsetType = UNSET

    def __post_init__(self) -> None:
        if (self.effective_date is None) == (self.observed_on is None):
            raise ValueError("give either effectiveDate or observedOn")
