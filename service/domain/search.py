"""Search results."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from service.domain.pricing import Price
from service.domain.values import Record

MatchRank = Literal["exact", "prefix", "word", "substring"]
RANKS: Final[tuple[MatchRank, ...]] = ("exact", "prefix", "word", "substring")


class Match(Record, frozen=True, kw_only=True):
    """A model or a provider whose name or id holds what was searched for."""

    kind: Literal["provider", "model"]
    id: str
    name: str
    match: Annotated[
        MatchRank,
        Meta(description="How it stands in name or id: whole, at its start, at a word's, inside."),
    ]
    provider_id: Annotated[str, Meta(description="The provider itself, or the model's.")]
    deprecated: bool
    context_window: Annotated[int | None, Meta(description="Tokens; null for a provider.")]
    pricing: Annotated[Price | None, Meta(description="The model's current price.")]
