"""What answers look like: real figures, checked by the same types as the answers themselves."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from service.domain.answers import Answer, AnswerMeta
from service.domain.benchmarks import Score
from service.domain.models import ModelDetail
from service.domain.pricing import Price
from service.domain.providers import ProviderSummary

MOMENT: Final = "2026-11-22T21:54:00.000Z"


def one(data: Any) -> Answer[Any]:
    """An answer about a single thing."""
    return Answer(data=data, meta=AnswerMeta(total=1, last_updated=MOMENT, revision=31416))


def many(*data: Any, page_size: int = 50) -> Answer[Any]:
    """A first page that is also the last one."""
    meta = AnswerMeta(
        total=len(data), page=1, page_size=page_size, last_updated=MOMENT, revision=31416
    )
    return Answer(data=list(data), meta=meta)


PROVIDER: Final = ProviderSummary(
    id="anthropic",
    name="Anthropic",
    website="https://www.anthropic.com",
    api_docs_url="https://docs.anthropic.com",
    created_at=MOMENT,
    updated_at=MOMENT,
    model_count=24,
    deprecated_model_count=9,
)
PRICE: Final = Price(
    id=2718,
    model_id="anthropic/claude-sonnet-4-5",
    input_price=Decimal("3"),
    output_price=Decimal("15"),
    cached_input_price=Decimal("0.3"),
    cache_write_price=Decimal("3.75"),
    reasoning_price=None,
    input_audio_price=None,
    output_audio_price=None,
    effective_date="2025-09-29",
    service_tier="standard",
    context_threshold=0,
    state="paid",
    source_url="https://docs.anthropic.com/en/docs/about-claude/pricing",
    verified_at=MOMENT,
    created_at=MOMENT,
    updated_at=MOMENT,
)
SCORE: Final = Score(
    id=141,
    model_id="anthropic/claude-sonnet-4-5",
    benchmark_name="arena-overall",
    score=Decimal("1451"),
    score_low=Decimal("1446"),
    score_high=Decimal("1456"),
    unit="elo",
    higher_is_better=True,
    self_reported=False,
    source_url="https://lmarena.ai/leaderboard",
    measured_at="2025-11-20",
    created_at=MOMENT,
    updated_at=MOMENT,
)
MODEL: Final = ModelDetail(
    id="anthropic/claude-sonnet-4-5",
    provider_id="anthropic",
    name="Claude Sonnet 4.5",
    model_id="claude-sonnet-4-5",
    family="claude-sonnet",
    mode="chat",
    context_window=200_000,
    max_output=64_000,
    input_modalities=("text", "image", "pdf"),
    output_modalities=("text",),
    supports_vision=True,
    supports_tools=True,
    supports_function_calling=True,
    supports_streaming=True,
    supports_reasoning=True,
    supports_structured_output=True,
    supports_prompt_caching=True,
    open_weights=False,
    license=None,
    knowledge_cutoff="2025-07-31",
    release_date="2025-09-29",
    deprecated=False,
    deprecation_date=None,
    canonical="anthropic/claude-sonnet-4-5",
    source_url="https://docs.anthropic.com/en/docs/about-claude/models",
    created_at=MOMENT,
    updated_at=MOMENT,
    pricing=PRICE,
)
