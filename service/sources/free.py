"""What a published price of 0 means: free, part of a subscription, or that nobody knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from msgspec import UNSET

from service.domain.models import ModelRow
from service.domain.pricing import PriceState, state_of
from service.sources.modes import NOT_BY_TOKEN

# Offers where 0 means that a subscription pays: by their own names and documentation pages.
SUBSCRIPTIONS: Final = frozenset(
    {
        "alibaba-coding-plan",
        "alibaba-coding-plan-cn",
        "chatgpt",
        "firepass",  # Fireworks: a weekly pass
        "github-copilot",
        "gitlab",  # GitLab Duo seats
        "kimi-for-coding",
        "kuae-cloud-coding-plan",
        "minimax-cn-coding-plan",
        "minimax-coding-plan",
        "tencent-coding-plan",
        "umans-ai-coding-plan",
        "wafer.ai",  # Wafer Pass
        "xiaomi-token-plan-ams",
        "xiaomi-token-plan-cn",
        "xiaomi-token-plan-sgp",
        "zai-coding-plan",
        "zhipuai-coding-plan",
    }
)
# Offers where 0 means free: everything that they list at 0 is given away, within rate limits.
FREE: Final = frozenset(
    {
        "atomic-chat",  # runs on one's own machine
        "github-models",
        "iflowcn",
        "lemonade",  # runs on one's own machine
        "llama",  # Meta's own preview
        "lmstudio",  # runs on one's own machine
        "modelscope",
        "nova",  # Amazon's own preview
        "nvidia",  # trial endpoints of build.nvidia.com
        "ollama",  # runs on one's own machine
        "opencode",  # models on trial
    }
)
# Free models of providers that charge for others, as their price lists say.
FREE_MODELS: Final = frozenset(
    {
        "zai/glm-4.5-flash",
        "zai/glm-4.7-flash",
        "zhipuai/glm-4.5-flash",
        "zhipuai/glm-4.7-flash",
    }
)
_SAYS_FREE: Final = re.compile(r"[:/-]free$")


def offered_state(row: ModelRow, figures: Mapping[str, Decimal | None]) -> PriceState:
    """The state of a price; `unknown` where a 0 is not known to mean free."""
    state = state_of(figures.values())
    if state != "free":
        return state
    if row.provider_id in SUBSCRIPTIONS:
        return "subscription"
    if _SAYS_FREE.search(row.model_id) or row.id in FREE_MODELS:
        return "free"
    by_token = row.mode is not UNSET and row.mode not in NOT_BY_TOKEN
    return "free" if row.provider_id in FREE and by_token else "unknown"
