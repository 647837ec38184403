"""All sources as one: what `aicompare seed` writes."""

from __future__ import annotations

from collections import Counter

from service.sources import published
from service.sources.catalog import Catalogue, series


def test_counts(all_of_it: Catalogue) -> None:
    assert len(all_of_it.providers) >= 130
    assert len(all_of_it.models) >= 4_800
    assert len(all_of_it.pricing) >= 6_000
    assert len(all_of_it.benchmarks) >= 1_500


def test_prices_have_a_history(all_of_it: Catalogue) -> None:
    changes = Counter(series(row) for row in all_of_it.pricing)
    assert sum(count > 1 for count in changes.values()) >= 300
    keys = Counter(
        (*series(row), row.effective_date or row.observed_on) for row in all_of_it.pricing
    )
    assert max(keys.values()) == 1


def test_what_cannot_be_stored_is_named(all_of_it: Catalogue) -> None:
    assert all(entry.what and entry.why and entry.rows > 0 for entry in all_of_it.rejected)
    assert len(set(all_of_it.rejected)) == len(all_of_it.rejected)


def test_reading_again_says_the_same(all_of_it: Catalogue) -> None:
    assert published.read() == all_of_it
