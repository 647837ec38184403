"""A small catalogue as four writes on four days, with every case that prices and names know.

Its last moment is `NOW`; `tests.expected` says what the service has to answer about it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from service.domain.batches import Batch
from service.domain.benchmarks import ScoreRow
from service.domain.models import ModelRow
from service.domain.pricing import PriceRow
from service.domain.providers import ProviderRow


class Step(NamedTuple):
    """One write: a batch, then keys of rows that are deleted softly."""

    now: datetime.datetime
    actor: str
    batch: Batch
    deleted: tuple[tuple[str, str], ...] = ()

    @property
    def run_id(self) -> str:
        """The run that it is, known beforehand."""
        return f"run-{self.now:%Y%m%dT%H%M%S}"


def moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


NOW = moment("2026-11-22T12:00:00+00:00")
TODAY = NOW.date()
URL = "https://example.com/docs"


def model(id: str, name: str, **values: Any) -> ModelRow:
    """A model by its whole id; `supports` lists what it can do, `cannot` what it cannot."""
    provider_id, _, model_id = id.partition("/")
    for word, value in (("supports", True), ("cannot", False)):
        for capability in values.pop(word, "").split():
            values[f"supports_{capability}"] = value
    for word in ("input_modalities", "output_modalities"):
        values[word] = tuple(values.pop(word, "text").split())
    for word in ("release_date", "deprecation_date"):
        if values.get(word):
            values[word] = datetime.date.fromisoformat(values[word])
    return ModelRow(provider_id=provider_id, model_id=model_id, name=name, **values)


_FIGURES = ("input_price", "output_price", "cached_input_price")


def price(id: str, day: str, *figures: str | None, **values: Any) -> PriceRow:
    """A price from a day on: input, output and cached input, as far as given."""
    given = {n: f and Decimal(f) for n, f in zip(_FIGURES, figures, strict=False)}
    date = datetime.date.fromisoformat(day)
    return PriceRow(model_id=id, effective_date=date, **(given | values))


def scores(name: str, by_model: dict[str, str], **values: Any) -> Iterable[ScoreRow]:
    for id, score in by_model.items():
        yield ScoreRow(model_id=id, benchmark_name=name, score=Decimal(score), **values)


SONNET, OPUS, CLAUDE2 = (f"anthropic/claude-{n}" for n in ("sonnet-4-5", "opus-4-1", "2"))
PRO, FLASH = "google/gemini-2.5-pro", "google/gemini-2.5-flash"
GPT, MINI, O3, EMBED = (f"openai/{n}" for n in ("gpt-5", "gpt-5-mini", "o3", "text-embedding-3"))
PRO_FREE, SONNET_OR = f"openrouter/{PRO}:free", "openrouter/anthropic/claude-sonnet-4.5"
EMPTY, LARGE, SMALL = "openrouter/@preset/x", "mistral/mistral-large-2411", "mistral/8b@2024.10"
GLM, PURE, UPPER = "zhipu/glm-4.5", "aleph-alpha/luminous_pure", "UPPER.Case_1/Model-A"
COPILOT, DAVINCI, LOST = "copilot/gpt-5", "openai/davinci", "gone/lost-1"

_ALL = "vision tools function_calling streaming reasoning structured_output prompt_caching"
_CHAT: dict[str, Any] = {"supports": "tools function_calling streaming", "mode": "chat"}

FIRST = Batch(
    providers=(
        ProviderRow(id="anthropic", name="Anthropic", website="https://www.anthropic.com"),
        ProviderRow(id="google", name="Google", website="https://ai.google.dev", api_docs_url=URL),
        ProviderRow(id="openai", name="OpenAI"),
        ProviderRow(id="openrouter", name="=OpenRouter", website="https://openrouter.ai"),
        ProviderRow(id="mistral", name="Mistral AI"),
        ProviderRow(id="zhipu", name="智谱AI"),
        ProviderRow(id="aleph-alpha", name="Aleph Alpha Straße ÄÖÜ"),
        ProviderRow(id="UPPER.Case_1", name="İstanbul  Labs"),
        ProviderRow(id="copilot", name="GitHub Copilot"),
        ProviderRow(id="gone", name="Gone"),
        ProviderRow(id="nobody", name="Nobody, Inc."),
    ),
    models=(
        model(SONNET, "Claude Sonnet 4.5", family="claude-sonnet", supports=_ALL, license="closed",
              context_window=200_000, max_output=64_000, input_modalities="text image pdf",
              open_weights=False, knowledge_cutoff="2025-07", release_date="2025-09-29",
              canonical=SONNET, source_url=URL, mode="chat"),
        model(OPUS, "Claude Opus 4.1", family="claude-opus", context_window=200_000,
              max_output=32_000, input_modalities="text image", open_weights=False,
              supports="vision tools function_calling", release_date="2025-08-05", canonical=OPUS),
        model(CLAUDE2, "Claude 2", context_window=100_000, max_output=4_096, cannot="vision tools",
              release_date="2023-07-11", open_weights=False),
        model(PRO, "Gemini 2.5 Pro", family="gemini-pro", supports=_ALL, context_window=1_048_576,
              max_output=65_536, input_modalities="text image audio video pdf",
              knowledge_cutoff="2025-01-31", release_date="2025-06-17", canonical=PRO),
        model(FLASH, "Gemini 2.5 Flash", family="gemini-flash", supports="vision tools reasoning",
              context_window=1_048_576, max_output=65_536, input_modalities="text image audio",
              output_modalities="text audio", release_date="2025-06-17", canonical=FLASH),
        model(GPT, "GPT-5", family="gpt", supports=_ALL, context_window=400_000,
              max_output=128_000, input_modalities="text image", release_date="2025-08-07",
              open_weights=False, canonical=GPT),
        model(MINI, "GPT-5 mini", family="gpt", context_window=400_000, max_output=128_000,
              release_date="2025-08-07", canonical=GPT, **_CHAT),
        model(O3, "o3", family="o", supports="reasoning", cannot="streaming", max_output=100_000),
        model(EMBED, "text-embedding-3", mode="embedding", context_window=8_191,
              output_modalities="", release_date="2024-01-25"),
        model(PRO_FREE, "Gemini 2.5 Pro (free)", canonical=PRO, context_window=1_048_576, **_CHAT),
        model(SONNET_OR, "Claude Sonnet 4.5", canonical=SONNET, context_window=1_000_000,
              family="claude-sonnet", max_output=64_000, release_date="2025-09-29"),
        ModelRow(provider_id="openrouter", model_id="@preset/x", name="@SUM(1+1)"),
        model(LARGE, "Mistral Large (2411)", family="mistral-large", open_weights=True,
              license="mrl", context_window=131_072, release_date="2024-11-18", **_CHAT),
        model(SMALL, "-Ministral 8B", open_weights=True, context_window=131_072, mode="completion",
              max_output=1, release_date="2024-10-16"),
        model(GLM, "智谱 GLM-4.5", family="glm", open_weights=True, context_window=131_072),
        model(PURE, 'Pure 100% "quoted" \\ back_slash Ä', open_weights=True, mode="other"),
        model(UPPER, "İstanbul STRASSE", mode="image", output_modalities="image text video"),
        model(COPILOT, "GPT-5", canonical=GPT, context_window=128_000, release_date="2025-08-07"),
        model(DAVINCI, "davinci", release_date="2020-06-11"),
        model(LOST, "Lost 1", context_window=4_096),
    ),
    pricing=(
        price(SONNET, "2025-09-29", "3", "15", "0.3", cache_write_price=Decimal("3.75"),
              source_url=URL, verified_at=moment("2025-10-01T07:00:00+02:00")),
        price(SONNET, "2025-09-29", "6", "22.5", "0.6", context_threshold=200_000),
        price(SONNET, "2025-09-29", "1.5", "7.5", service_tier="batch"),
        price(OPUS, "2025-08-05", "15", "75"),
        price(CLAUDE2, "2023-07-11", "8", "24"),
        price(PRO, "2025-06-17", "1.25", "10", "0.31", input_audio_price=Decimal("1.25")),
        price(PRO, "2025-06-17", "2.5", "15", "0.625", context_threshold=200_000),
        price(FLASH, "2025-06-17", "0.3", "2.5", "0.075",
              output_audio_price=Decimal("0.000000001")),
        price(GPT, "2025-08-07", "1.25", "10", "0.125", reasoning_price=Decimal("10")),
        price(GPT, "2025-08-07", "0.625", "5", service_tier="batch"),
        price(GPT, "2025-08-07", "2.5", "20", service_tier="priority"),
        price(GPT, "2025-08-07", "0.625", "5", service_tier="flex", context_threshold=1),
        price(MINI, "2025-08-07", "0.25", "2"),
        price(MINI, "2026-06-01", "0.2", "1.6"),
        price(O3, "2025-06-10", "2", None),
        price(EMBED, "2024-01-25", "0.02", None),
        price(PRO_FREE, "2025-06-17", "0", "0"),
        price(SONNET_OR, "2025-09-29", "3", "15"),
        price(LARGE, "2024-11-18", "2", "6"),
        price(GLM, "2025-07-28", None, None, state="unknown"),
        price(COPILOT, "2025-08-07", None, None, state="subscription"),
        price(DAVINCI, "2021-11-18", "20", "20"),
        price(LOST, "2024-01-01", "1", "1"),
    ),
    benchmarks=(
        *scores("arena-overall", {SONNET: "1451", PRO: "1451", GPT: "1442.5", CLAUDE2: "1131.25",
                                  FLASH: "1409.123456789", LOST: "1000"}, unit="elo"),
        *scores("latency-p50", {SONNET: "0.9", MINI: "0.4", FLASH: "0.4", GPT: "1.7"}, unit="s",
                higher_is_better=False, self_reported=True),
        *scores("mmlu", {SONNET: "0.891", OPUS: "0.88", LARGE: "0"}, self_reported=False),
    ),
)  # fmt: skip

SECOND = Batch(
    models=(
        model(CLAUDE2, "Claude 2", deprecated=True, deprecation_date="2025-07-21"),
        model(LARGE, "Mistral Large (2411)", license=None, max_output=8_192, **_CHAT),
    ),
    pricing=(
        price(OPUS, "2026-03-01", "12", "60"),
        price(PRO, "2025-06-17", "1.2", "9.6"),
        price(SONNET, "2027-01-01", "2.5", "12.5", "0.25"),
        price(O3, "2026-11-22", "1.9", "8"),
        price(FLASH, "2026-11-23", "0.25", "2"),
    ),
    benchmarks=tuple(scores("penalty", {GPT: "-12.5", SONNET: "-12.5", O3: "0"}, unit=None)),
)

THIRD = Batch(
    providers=(ProviderRow(id="google", name="Google DeepMind", website=None),),
    benchmarks=tuple(scores("arena-overall", {GPT: "1451"}, score_low=Decimal("1440.5"),
                            score_high=Decimal("1460"), source_url=URL,
                            measured_at=datetime.date(2026, 11, 1))),
)  # fmt: skip

STEPS = (
    Step(moment("2025-10-01T08:00:00+00:00"), "pipeline", FIRST),
    Step(moment("2026-03-01T09:30:00.250+00:00"), "pipeline", SECOND),
    Step(moment("2026-11-22T06:00:00+00:00"), "ann", THIRD),
    Step(
        moment("2026-11-22T07:00:00.500+00:00"),
        "ann",
        Batch(),
        (("models", DAVINCI), ("providers", "gone"), ("benchmarks", f"{LARGE} mmlu")),
    ),
)
