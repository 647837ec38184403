"""LLMStats' table: one spelling and one score for each benchmark."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
from msgspec import UNSET

from service.domain.benchmarks import ScoreRow
from service.domain.models import ModelRow
from service.domain.providers import ProviderRow
from service.sources import llmstats
from service.sources.catalog import Catalogue
from service.sources.documents import Unreadable

DAY = datetime.date(2026, 11, 22)
HEAD = (
    "provider,model_id,name,release_date,benchmark_name,score,is_self_reported,method,"
    "measured_at,source_url\n"
)
# Made up, but for the format.
LINES = """\
anthropic,claude-sonnet-4-20250514,Claude Sonnet 4,2025-05-14,Made-Bench,0.5,True,CoT,2025-05-14,https://example.org/a
anthropic,claude-sonnet-4-20250514,Claude Sonnet 4,2025-05-14,made bench,0.4,False,CoT,2025-05-01,https://example.org/b
acme,road-1,Road 1,2025-01-01,MadeBench,0.25,True,CoT,2025-01-01,
acme,road-1,Road 1,2025-01-01,MMMUval,0.3,True,CoT,2025-01-01,
acme,road-1,Road 1,2025-01-01,MMMU (val),0.2,True,CoT,2025-02-01,
acme,road-1,Road 1,2025-01-01,Spoken,7.6,True,WER,2025-01-01,
acme,road-1,Road 1,2025-01-01,Known Bench,0.1,maybe,,someday,
acme,road-1,Road 1,2025-01-01,Other,n/a,True,,2025-01-01,
mistral,pixtral-large,Pixtral Large,2024-11-18,Made-Bench,0.9,True,,2024-11-18,
cut,short
"""


@pytest.fixture(scope="module")
def found() -> Catalogue:
    known = Catalogue(name="known", as_of=DAY)
    known.add(ProviderRow(id="anthropic", name="Anthropic"))
    known.add(
        ModelRow(
            provider_id="anthropic",
            model_id="claude-sonnet-4-0",
            name="Claude Sonnet 4",
            release_date=datetime.date(2025, 5, 22),
        )
    )
    known.add(ScoreRow(model_id="a/b", benchmark_name="KNOWN-BENCH", score=Decimal(1)))
    return llmstats.read((HEAD + LINES).encode(), known, DAY)


def test_scores(found: Catalogue) -> None:
    assert {key: str(row.score) for key, row in found.benchmarks.items()} == {
        ("anthropic/claude-sonnet-4-0", "Made-Bench"): "0.4",  # not the maker's own
        ("acme/road-1", "Made-Bench"): "0.25",
        ("acme/road-1", "MMMU (val)"): "0.2",  # the newer one
        ("acme/road-1", "Spoken"): "7.6",
        ("acme/road-1", "KNOWN-BENCH"): "0.1",  # as it is spelled already
    }


def test_what_a_score_says(found: Catalogue) -> None:
    known = found.benchmarks["anthropic/claude-sonnet-4-0", "Made-Bench"]
    assert (known.unit, known.self_reported, known.higher_is_better) == ("fraction", False, True)
    assert known.measured_at == datetime.date(2025, 5, 1)
    assert known.source_url == "https://example.org/b"
    spoken = found.benchmarks["acme/road-1", "Spoken"]
    assert (spoken.unit, spoken.higher_is_better) == (UNSET, False)
    odd = found.benchmarks["acme/road-1", "KNOWN-BENCH"]
    assert (odd.self_reported, odd.measured_at) == (UNSET, UNSET)


def test_models_are_those_that_are_known_or_new(found: Catalogue) -> None:
    assert found.models.keys() == {"acme/road-1"}
    assert found.models["acme/road-1"].name == "Road 1"
    assert found.providers.keys() == {"acme"}


def test_what_is_left_out_is_named(found: Catalogue) -> None:
    assert {(r.what, r.why) for r in found.rejected} == {
        ("lines", "not as many cells as columns"),
        (
            "anthropic/claude-sonnet-4-0 Made-Bench: 0.5",
            "another score came first: there is one for each",
        ),
        ("acme/road-1 MMMU (val): 0.3", "another score came first: there is one for each"),
        ("road-1 Other: n/a", "a score that is not a number"),
        ("pixtral-large Made-Bench", "a name that moves from version to version"),
    }


def test_other_columns(found: Catalogue) -> None:
    with pytest.raises(Unreadable, match="line 1 names no column provider"):
        llmstats.read(b"a,b\n1,2\n", found, DAY)
