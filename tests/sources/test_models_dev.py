"""models.dev: what the installed package says, and what cannot be stored."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from service.domain.pricing import PriceRow
from service.sources.catalog import Catalogue
from service.sources.modes import mode_of


def prices(catalogue: Catalogue, model_id: str) -> dict[tuple[str, int], PriceRow]:
    return {
        (row.service_tier, row.context_threshold): row
        for row in catalogue.pricing
        if row.model_id == model_id
    }


def whys(catalogue: Catalogue, what: str) -> list[str]:
    return [r.why for r in catalogue.rejected if r.what.startswith(what)]


def test_counts(models_dev_catalogue: Catalogue) -> None:
    assert len(models_dev_catalogue.providers) >= 130
    assert len(models_dev_catalogue.models) >= 4_780
    assert len(models_dev_catalogue.pricing) >= 4_600
    assert models_dev_catalogue.as_of >= datetime.date(2026, 5, 21)


def test_a_model(models_dev_catalogue: Catalogue) -> None:
    model = models_dev_catalogue.models["anthropic/claude-sonnet-4-5"]
    assert model.name == "Claude Sonnet 4.5 (latest)"
    assert (model.family, model.mode) == ("claude-sonnet", "chat")
    assert (model.context_window, model.max_output) == (200_000, 64_000)
    assert model.input_modalities == ("text", "image", "pdf")
    assert model.output_modalities == ("text",)
    assert model.supports_vision is True
    assert model.supports_tools is model.supports_function_calling is True
    assert model.supports_prompt_caching is True
    assert model.supports_structured_output is None, "not said"
    assert model.open_weights is False
    assert model.knowledge_cutoff == "2025-07-31"
    assert model.release_date == datetime.date(2025, 9, 29)
    assert model.deprecated is False


def test_a_price_with_a_tier(models_dev_catalogue: Catalogue) -> None:
    found = prices(models_dev_catalogue, "302ai/claude-opus-4-7")
    assert set(found) == {("standard", 0), ("standard", 200_000)}, "the tier is not doubled"
    base, tier = found["standard", 0], found["standard", 200_000]
    assert (base.input_price, base.output_price) == (Decimal(5), Decimal(25))
    assert (tier.input_price, tier.output_price) == (Decimal(10), Decimal("37.5"))
    assert (tier.cached_input_price, tier.cache_write_price) == (Decimal(1), Decimal("12.5"))
    assert base.effective_date is None
    assert base.observed_on == models_dev_catalogue.as_of


def test_a_mode_of_a_service_tier_is_a_price_of_it(models_dev_catalogue: Catalogue) -> None:
    priority = prices(models_dev_catalogue, "openai/gpt-5.4")["priority", 0]
    assert (priority.input_price, priority.output_price) == (Decimal(5), Decimal(30))
    assert whys(models_dev_catalogue, "anthropic/claude-opus-4-6: fast") == [
        "a mode that is no service tier"
    ]


def test_prices_are_free_of_the_noise_of_floats(models_dev_catalogue: Catalogue) -> None:
    # Published as 0.049999999999999996.
    gemma = prices(models_dev_catalogue, "amazon-bedrock/google.gemma-3-12b-it")["standard", 0]
    assert (gemma.input_price, gemma.output_price) == (Decimal("0.05"), Decimal("0.1"))


@pytest.mark.parametrize(
    ("model_id", "state"),
    [
        ("openrouter/openai/gpt-oss-20b:free", "free"),
        ("github-models/openai/gpt-4.1", "free"),
        ("zai/glm-4.7-flash", "free"),
        ("github-copilot/gpt-4.1", "subscription"),
        ("zai-coding-plan/glm-4.7", "subscription"),
    ],
)
def test_what_zero_means(models_dev_catalogue: Catalogue, model_id: str, state: str) -> None:
    row = prices(models_dev_catalogue, model_id)["standard", 0]
    zero = Decimal(0) if state == "free" else None
    assert (row.state, row.input_price, row.output_price) == (state, zero, zero)


@pytest.mark.parametrize(
    "model_id",
    [
        "groq/whisper-large-v3",  # billed by the hour
        "nano-gpt/auto-model",  # a router: what it chooses costs
        "kilo/openrouter/auto",
        "openrouter/z-ai/glm-5.1",
    ],
)
def test_zero_that_is_not_known_to_mean_free_is_no_price(
    models_dev_catalogue: Catalogue, model_id: str
) -> None:
    assert model_id in models_dev_catalogue.models
    assert not prices(models_dev_catalogue, model_id)
    assert model_id in {
        r.what
        for r in models_dev_catalogue.rejected
        if r.why == "a price of 0 that is not known to mean free"
    }


def test_no_cost_is_no_price(models_dev_catalogue: Catalogue) -> None:
    assert "ollama-cloud/kimi-k2.6" in models_dev_catalogue.models
    assert not prices(models_dev_catalogue, "ollama-cloud/kimi-k2.6")


def test_bad_dates_are_named_and_their_model_kept(models_dev_catalogue: Catalogue) -> None:
    assert whys(models_dev_catalogue, "scaleway/qwen3-embedding-8b: 2025-25-11")
    assert whys(models_dev_catalogue, "azure/claude-haiku-4-5: 2025-02-31")
    assert models_dev_catalogue.models["scaleway/qwen3-embedding-8b"].release_date is None
    assert models_dev_catalogue.models["azure/claude-haiku-4-5"].knowledge_cutoff is None
    assert whys(models_dev_catalogue, "abacus/kimi-k2.5: 2026-01")
    assert models_dev_catalogue.models["abacus/kimi-k2.5"].release_date == datetime.date(2026, 1, 1)


def test_ids_that_cannot_be_stored_are_named(models_dev_catalogue: Catalogue) -> None:
    assert whys(models_dev_catalogue, "nano-gpt/NousResearch 2/hermes-4-70b") == [
        "modelId holds characters that it may not have"
    ]


def test_members_without_a_column_are_counted(models_dev_catalogue: Catalogue) -> None:
    unread = {r.what: r.rows for r in models_dev_catalogue.rejected if r.rows > 1}
    of_models = {"interleaved", "limit.input", "provider", "temperature"}
    assert unread.keys() == {"api", "env", "npm"} | of_models
    assert unread["env"] == len(models_dev_catalogue.providers)


@pytest.mark.parametrize(
    ("model_id", "inputs", "outputs", "mode"),
    [
        ("claude-sonnet-4-5", ("text", "image"), ("text",), "chat"),
        ("Qwen/Qwen3-Embedding-8B", ("text",), ("text",), "embedding"),
        ("Qwen/Qwen3-Reranker-0.6B", ("text",), ("text",), "rerank"),
        ("meta-llama/llama-guard-4-12b", ("text", "image"), ("text",), "moderation"),
        ("rednote-hilab/dots.ocr", ("text", "image"), ("text",), "ocr"),
        ("whisper-large-v3", ("audio",), ("text",), "transcription"),
        ("gemini-2.5-pro-preview-tts", ("text",), ("audio",), "speech"),
        ("google/veo-3", ("text",), ("video",), "video"),
        ("gpt-image-1", ("text", "image"), ("image",), "image"),
        ("gemini-2.5-flash-image", ("text", "image"), ("text", "image"), "image"),
        ("openai/gpt-5.5", ("text", "image"), ("text", "image"), "chat"),
        ("qwen3-omni-flash", ("text", "audio"), ("text", "audio"), "chat"),
    ],
)
def test_modes(model_id: str, inputs: tuple[str, ...], outputs: tuple[str, ...], mode: str) -> None:
    assert mode_of(model_id, inputs, outputs) == mode
