"""What an entry of LiteLLM costs: its members `…cost…`, sorted into service tiers and context.

`input_cost_per_token` is the base price, in US dollars per token. `…_above_200k_tokens` applies to
requests with more context, `…_batches`, `…_flex` and `…_priority` to service tiers, and one name
may carry both. Newer entries give `tiered_pricing` instead: a list of ranges of context. A figure
that a tier does not give is unknown there.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from service.domain import decimals
from service.domain.pricing import ServiceTier

Level = tuple[ServiceTier, int]
Figures = dict[str, Decimal]

FIGURES: Final = {
    "input_cost_per_token": "input_price",
    "output_cost_per_token": "output_price",
    "cache_read_input_token_cost": "cached_input_price",
    "cache_creation_input_token_cost": "cache_write_price",
    "output_cost_per_reasoning_token": "reasoning_price",
    "input_cost_per_audio_token": "input_audio_price",
    "output_cost_per_audio_token": "output_audio_price",
}
_TIERS: Final[Mapping[str | None, ServiceTier]] = {
    None: "standard",
    "batches": "batch",
    "flex": "flex",
    "priority": "priority",
}
_FIGURE: Final = re.compile(
    rf"^({'|'.join(FIGURES)})(?:_above_(\d+)k_tokens)?(?:_(batches|flex|priority))?$"
)
_COST: Final = re.compile(r"cost|pricing|uplift")
# The cached price by its older name, which always stands beside the other.
_SAME: Final = frozenset({"input_cost_per_token_cache_hit"})
_MILLION: Final = Decimal(1_000_000)


def is_cost(member: str) -> bool:
    """Whether a member speaks of money."""
    return _COST.search(member) is not None


def levels(entry: Mapping[str, Any], unread: Counter[str]) -> dict[Level, Figures]:
    """Figures in US dollars per million tokens, by service tier and context threshold.

    Members that speak of money and have no column are counted in `unread`. Raises `ValueError` for
    a figure that is none.
    """
    found: dict[Level, Figures] = defaultdict(dict)
    for member, value in entry.items():
        if not is_cost(member) or member in _SAME or value is None:
            continue
        if member == "tiered_pricing":
            unread.update(_tiered(value, found))
        elif name := _FIGURE.match(member):
            level = _TIERS[name[3]], int(name[2] or 0) * 1000
            found[level][FIGURES[name[1]]] = _per_million(member, value)
        elif value:
            unread[member] += 1
    return dict(sorted(found.items()))


def _tiered(tiers: Any, found: dict[Level, Figures]) -> list[str]:
    """Add ranges of context; a figure that has a name of its own stands."""
    for tier in tiers:
        if "range" not in tier:
            return ["tiered_pricing"]
        figures = found["standard", int(tier["range"][0])]
        for member, value in tier.items():
            if member in FIGURES and value is not None:
                figures.setdefault(FIGURES[member], _per_million(member, value))
    return []


def _per_million(member: str, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"{member} is not a number")
    return decimals.clean(value * _MILLION)
