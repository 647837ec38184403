"""Canonical ids, by real examples."""

from __future__ import annotations

import re

import pytest

from service.sources.catalog import Catalogue
from service.sources.identity import name_key

SONNET = "anthropic/claude-sonnet-4-5"


@pytest.mark.parametrize(
    ("model_id", "canonical"),
    [
        (SONNET, SONNET),
        ("anthropic/claude-sonnet-4-5-20250929", SONNET),
        ("amazon-bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0", SONNET),
        ("amazon-bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0", SONNET),
        ("openrouter/anthropic/claude-sonnet-4.5", SONNET),
        ("google-vertex-anthropic/claude-sonnet-4-5@20250929", SONNET),
        ("azure/claude-sonnet-4-5", SONNET),
        ("databricks/databricks-claude-sonnet-4-5", SONNET),
        # Released some weeks after the date in its name.
        ("amazon-bedrock/anthropic.claude-opus-4-5-20251101-v1:0", "anthropic/claude-opus-4-5"),
        ("openrouter/anthropic/claude-sonnet-4", "anthropic/claude-sonnet-4-0"),
        ("poe/anthropic/claude-haiku-3.5", "anthropic/claude-3-5-haiku-20241022"),
        ("openai/gpt-4o-2024-08-06", "openai/gpt-4o-2024-08-06"),
        ("openai/gpt-4o-2024-05-13", "openai/gpt-4o-2024-05-13"),
        ("groq/openai/gpt-oss-120b", "openai/gpt-oss-120b"),
        ("openrouter/openai/gpt-oss-20b:free", "openai/gpt-oss-20b"),
        ("fireworks-ai/accounts/fireworks/models/kimi-k2p6", "moonshotai/kimi-k2.6"),
        ("deepinfra/zai-org/GLM-4.7", "zai/glm-4.7"),
        ("zhipuai/glm-4.7", "zai/glm-4.7"),
        ("novita-ai/qwen/qwen3-235b-a22b-fp8", "alibaba/qwen3-235b-a22b"),
        ("perplexity/perplexity/glm-5.3", "zai/GLM-5.3"),
        ("vercel/perplexity/sonar", "perplexity/sonar"),
    ],
)
def test_the_same_model(all_of_it: Catalogue, model_id: str, canonical: str) -> None:
    assert all_of_it.models[model_id].canonical == canonical


@pytest.mark.parametrize(
    "model_id",
    [
        "openrouter/deepseek/deepseek-chat",  # another version than at DeepSeek
        "togetherai/deepseek-ai/DeepSeek-V3",  # of which there were several
        "openrouter/qwen/qwen-plus",
        "openrouter/moonshotai/kimi-k2",
        "openrouter/meta-llama/llama-3.1-405b",  # not tuned to instructions
        "openrouter/nousresearch/hermes-3-llama-3.1-405b:free",
        "cloudflare-ai-gateway/workers-ai/@cf/deepgram/nova-3",  # not Amazon's Nova
        "openrouter/openrouter/free",
    ],
)
def test_what_the_rules_cannot_tell_has_none(all_of_it: Catalogue, model_id: str) -> None:
    assert all_of_it.models[model_id].canonical is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("claude-sonnet-4.5", "claude-sonnet-4.5:thinking"),
        ("gpt-5", "gpt-5-mini"),
        ("kimi-k2-turbo-preview", "kimi-k2-preview"),
        ("deepseek-r1", "deepseek-r1-0528"),
        ("deepseek-r1", "deepseek-r1-distill-llama-70b"),
        ("llama-3.1-8b-instruct", "llama-3.1-8b"),
    ],
)
def test_parts_of_a_name_tell_models_apart(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


def test_canonical_ids_lead_to_models_that_are_their_own(all_of_it: Catalogue) -> None:
    for model in all_of_it.models.values():
        if isinstance(model.canonical, str):
            assert all_of_it.models[model.canonical].canonical == model.canonical


def test_sizes_and_versions_agree_within_a_group(all_of_it: Catalogue) -> None:
    """A wrong merge would mix numbers: all but those of dates must be the same."""
    mixed = []
    for model in all_of_it.models.values():
        if isinstance(model.canonical, str):
            ours, theirs = (
                re.findall(r"\d+(?:b|t)(?![a-z0-9])", name_key(name))
                for name in (model.model_id, model.canonical)
            )
            if ours != theirs:
                mixed.append((model.id, model.canonical))
    assert not mixed


def test_most_models_of_known_makers_are_grouped(all_of_it: Catalogue) -> None:
    grouped = [m for m in all_of_it.models.values() if isinstance(m.canonical, str)]
    hosts = [m for m in grouped if m.canonical == SONNET]
    assert len(grouped) >= 3_800
    assert len(hosts) >= 35
