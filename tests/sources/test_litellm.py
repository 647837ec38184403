"""LiteLLM's file: ids, modes, tiers, exact prices, and what is no model."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest
from msgspec import UNSET

from service.domain.models import ModelRow
from service.domain.pricing import PriceRow
from service.domain.providers import ProviderRow
from service.sources import litellm
from service.sources.catalog import Catalogue
from service.sources.documents import Unreadable

DAY = datetime.date(2026, 11, 22)

FILE: dict[str, Any] = {
    "sample_spec": {"litellm_provider": "one of https://docs.litellm.ai/docs/providers"},
    "fallback_generalizations": {"rules": []},
    "gpt-5.4": {
        "litellm_provider": "openai",
        "mode": "responses",
        "max_input_tokens": 272000,
        "max_output_tokens": 128000.0,
        "input_cost_per_token": 0.00000015,
        "output_cost_per_token": 6e-07,
        "cache_read_input_token_cost": 7.500000000000001e-08,
        "input_cost_per_token_batches": 7.5e-08,
        "output_cost_per_token_batches": 3e-07,
        "input_cost_per_token_priority": 3e-07,
        "output_cost_per_token_priority": 1.2e-06,
        "input_cost_per_token_above_272k_tokens": 3e-07,
        "output_cost_per_token_above_272k_tokens": 9e-07,
        "input_cost_per_token_above_272k_tokens_priority": 6e-07,
        "cache_creation_input_token_cost_above_1hr": 2e-07,
        "search_context_cost_per_query": {"search_context_size_low": 0.01},
        "supports_function_calling": True,
        "supports_vision": True,
        "supports_response_schema": False,
        "supports_tool_choice": True,
        "supported_modalities": ["text", "image"],
        "supported_output_modalities": ["text", "code"],
        "deprecation_date": "2026-11-01",
        "source": "https://openai.com/api/pricing",
    },
    "fireworks_ai/glm-4p7": {
        "litellm_provider": "fireworks_ai",
        "mode": "chat",
        "input_cost_per_token": 6e-07,
        "output_cost_per_token": 2.2e-06,
        "deprecation_date": "2027-02-30",
        "source": "no address",
    },
    "vertex_ai/claude-opus-5@default": {
        "litellm_provider": "vertex_ai-anthropic_models",
        "mode": "chat",
        "input_cost_per_token": 5e-06,
    },
    "azure_ai/gpt-4o": {"litellm_provider": "azure_ai", "input_cost_per_token": 1e-06},
    "azure/gpt-4o": {"litellm_provider": "azure", "input_cost_per_token": 2.5e-06},
    "azure/eu/gpt-4o": {"litellm_provider": "azure", "input_cost_per_token": 2.75e-06},
    "bedrock/us-east-1/1-month-commitment/anthropic.claude-v1": {"litellm_provider": "bedrock"},
    "high/1024-x-1024/gpt-image-1": {"litellm_provider": "openai", "output_cost_per_image": 0.2},
    "ft:gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 1e-06},
    "together-ai-4.1b-8b": {"litellm_provider": "together_ai", "input_cost_per_token": 2e-07},
    "tavily/search": {"litellm_provider": "tavily", "mode": "search"},
    "dashscope/qwen-flash": {
        "litellm_provider": "dashscope",
        "mode": "chat",
        "tiered_pricing": [
            {"range": [0, 256000.0], "input_cost_per_token": 5e-08, "output_cost_per_token": 4e-07},
            {"range": [256000.0, 1e6], "input_cost_per_token": 2.5e-07},
        ],
    },
    "gemini/free-of-charge": {
        "litellm_provider": "gemini",
        "mode": "chat",
        "input_cost_per_token": 0,
        "output_cost_per_token": 0.0,
    },
    "ollama/llama3": {"litellm_provider": "ollama", "mode": "chat", "input_cost_per_token": 0},
    "github_copilot/gpt-6": {
        "litellm_provider": "github_copilot",
        "mode": "chat",
        "input_cost_per_token": 0,
    },
    "new_host/with space": {"litellm_provider": "new_host", "mode": "chat"},
    "new_host/odd": {
        "litellm_provider": "new_host",
        "mode": "chat",
        "max_input_tokens": "many",
        "input_cost_per_token": "cheap",
    },
}


@pytest.fixture(scope="module")
def found() -> Catalogue:
    known = Catalogue(name="known", as_of=DAY)
    for provider_id in ("openai", "fireworks-ai", "google-vertex-anthropic", "azure"):
        known.add(ProviderRow(id=provider_id, name=provider_id))
    for provider_id, model_id in (
        ("fireworks-ai", "accounts/fireworks/models/glm-4p7"),
        ("google-vertex-anthropic", "claude-opus-5@default"),
    ):
        known.add(ModelRow(provider_id=provider_id, model_id=model_id, name=f"Known {model_id}"))
    return litellm.read(json.dumps(FILE).encode(), known, DAY)


def figures(row: PriceRow) -> tuple[object, ...]:
    return row.input_price, row.output_price, row.cached_input_price


def prices(found: Catalogue, model_id: str) -> list[tuple[Any, ...]]:
    """Tier, threshold, input, output and cached price."""
    return [
        (
            row.service_tier,
            row.context_threshold,
            *(None if figure is UNSET else str(figure) for figure in figures(row)),
        )
        for row in found.pricing
        if row.model_id == model_id
    ]


def test_a_model(found: Catalogue) -> None:
    model = found.models["openai/gpt-5.4"]
    assert (model.name, model.mode) == ("gpt-5.4", "chat")
    assert (model.context_window, model.max_output) == (272000, 128000)
    assert (model.input_modalities, model.output_modalities) == (("text", "image"), ("text",))
    assert (model.supports_tools, model.supports_function_calling) == (True, True)
    assert (model.supports_vision, model.supports_structured_output) == (True, False)
    assert model.supports_reasoning is UNSET, "nothing said is nothing known"
    assert (model.deprecated, model.deprecation_date) == (True, datetime.date(2026, 11, 1))
    assert model.source_url == "https://openai.com/api/pricing"


def test_prices_are_exact_and_sorted_into_tiers(found: Catalogue) -> None:
    assert prices(found, "openai/gpt-5.4") == [
        ("batch", 0, "0.075", "0.3", None),
        ("priority", 0, "0.3", "1.2", None),
        ("priority", 272000, "0.6", None, None),
        ("standard", 0, "0.15", "0.6", "0.075"),
        ("standard", 272000, "0.3", "0.9", None),
    ]
    assert {row.observed_on for row in found.pricing} == {DAY}
    assert {row.effective_date for row in found.pricing} == {None}


def test_ranges_of_context(found: Catalogue) -> None:
    assert prices(found, "alibaba/qwen-flash") == [
        ("standard", 0, "0.05", "0.4", None),
        ("standard", 256000, "0.25", None, None),
    ]


def test_ids_are_matched_to_known_ones(found: Catalogue) -> None:
    glm = found.models["fireworks-ai/accounts/fireworks/models/glm-4p7"]
    assert glm.name == "Known accounts/fireworks/models/glm-4p7"
    assert glm.source_url == litellm.URL
    assert "google-vertex-anthropic/claude-opus-5@default" in found.models
    assert found.providers.keys() == {"alibaba", "google", "ollama", "github-copilot", "new-host"}


def test_other_routes_come_last(found: Catalogue) -> None:
    assert prices(found, "azure/gpt-4o") == [("standard", 0, "2.5", None, None)]


def test_zero_is_free_only_where_that_is_known(found: Catalogue) -> None:
    states = {row.model_id: row.state for row in found.pricing}
    assert states["ollama/llama3"] == "free"
    assert states["github-copilot/gpt-6"] == "subscription"
    assert "google/free-of-charge" not in states
    assert "google/free-of-charge" in found.models


def test_what_is_left_out_is_named(found: Catalogue) -> None:
    assert {(r.table, r.what, r.why, r.rows) for r in found.rejected} == {
        ("models", "sample_spec", "the documentation of the format", 1),
        ("models", "fallback_generalizations", "an entry without a provider", 1),
        ("models", "gpt-5.4: code", "a modality that is not known", 1),
        ("models", "azure_ai/gpt-4o", "another entry for the same model came first", 1),
        ("models", "azure/eu/gpt-4o", "a price of one region", 1),
        (
            "models",
            "bedrock/us-east-1/1-month-commitment/anthropic.claude-v1",
            "a price of one region",
            1,
        ),
        (
            "models",
            "high/1024-x-1024/gpt-image-1",
            "a price of one size and quality of pictures",
            1,
        ),
        ("models", "ft:gpt-4o", "a price of tuned models, not a model", 1),
        ("models", "together-ai-4.1b-8b", "a price of a class of models", 1),
        ("models", "tavily/search", "a tool, not a model", 1),
        ("models", "fireworks_ai/glm-4p7: 2027-02-30", "a day that is not in the calendar", 1),
        (
            "models",
            "new-host/with space",
            "modelId holds characters that it may not have",
            1,
        ),
        (
            "models",
            "new_host/odd: max_input_tokens",
            "a limit that is no number of tokens",
            1,
        ),
        (
            "pricing",
            "new-host/odd",
            "costs that cannot be read: input_cost_per_token is not a number",
            1,
        ),
        ("pricing", "google/free-of-charge", "a price of 0 that is not known to mean free", 1),
        ("models", "supports_tool_choice", "there is no column for this member", 1),
        (
            "pricing",
            "cache_creation_input_token_cost_above_1hr",
            "a figure without a column",
            1,
        ),
        ("pricing", "search_context_cost_per_query", "a figure without a column", 1),
    }


def test_another_file_of_objects_is_told_apart(found: Catalogue) -> None:
    with pytest.raises(Unreadable, match="no entry has a litellm_provider"):
        litellm.read(b'{"openai": {"models": {}}}', found, DAY)
