"""Arena ratings: exact figures, and the models they belong to."""

from __future__ import annotations

import datetime
from decimal import Decimal
from importlib import resources

import pytest

from service.sources.arena import DATE, TABLE, URL
from service.sources.catalog import Catalogue


def test_counts(arena_catalogue: Catalogue) -> None:
    assert len(arena_catalogue.benchmarks) >= 2_100
    assert len({name for _, name in arena_catalogue.benchmarks}) == 10


def test_a_score(arena_catalogue: Catalogue) -> None:
    score = arena_catalogue.benchmarks["google/gemini-4-argon", "arena-overall"]
    assert score.score == Decimal("1523.9")
    assert (score.score_low, score.score_high) == (Decimal("1515.1"), Decimal("1532.7"))
    assert (score.unit, score.higher_is_better, score.self_reported) == ("elo", True, False)
    assert (score.measured_at, score.source_url) == (datetime.date(2026, 10, 20), URL)


def test_the_table_names_its_source_and_date() -> None:
    table = resources.files("service.sources").joinpath(TABLE).read_text(encoding="utf-8")
    comments = [line for line in table.splitlines() if line.startswith("#")]
    assert URL in comments[0]
    assert f"# Date: {DATE}" in comments


@pytest.mark.parametrize(
    "model_id",
    [
        "anthropic/claude-opus-4-7",  # written 4.7, rated in two settings
        "anthropic/claude-sonnet-4-5",  # under the date of its version
        "openai/gpt-4o-2024-05-13",
        "zai/glm-4.7",
        "llama/llama-3.3-70b-instruct",
        "mistral/mistral-large-2512",
        "moonshotai/kimi-k2-0905-preview",
    ],
)
def test_known_models_have_their_scores(
    arena_catalogue: Catalogue, models_dev_catalogue: Catalogue, model_id: str
) -> None:
    assert model_id in models_dev_catalogue.models
    assert (model_id, "arena-overall") in arena_catalogue.benchmarks
    assert model_id not in arena_catalogue.models


def test_models_without_an_offer_are_added_at_their_maker(arena_catalogue: Catalogue) -> None:
    model = arena_catalogue.models["microsoft/phi-3-small-8k-instruct"]
    assert model.name == "Phi-3 Small 8K Instruct"
    assert arena_catalogue.providers["microsoft"].name == "Microsoft"
    assert "thinkingmachines/inkling" in arena_catalogue.models, "not Databricks's"


def test_versions_are_kept_apart(arena_catalogue: Catalogue) -> None:
    rated = {model_id for model_id, _ in arena_catalogue.benchmarks}
    assert {"deepseek/deepseek-r1", "deepseek/deepseek-r1-0528"} <= rated
    assert {"openai/gpt-4o-2024-05-13", "openai/gpt-4o-2024-08-06"} <= rated
    assert "openai/gpt-4o" not in rated
