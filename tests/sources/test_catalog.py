"""Merging, settling and cutting catalogues."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

from service.domain.benchmarks import ScoreRow
from service.domain.models import ModelRow
from service.domain.pricing import PriceRow
from service.domain.providers import ProviderRow
from service.sources.catalog import Catalogue, batches, merge, settle

MAY = datetime.date(2026, 5, 21)
JUNE = datetime.date(2026, 6, 1)
JULY = datetime.date(2026, 7, 1)


def catalogue(name: str = "test", **members: Any) -> Catalogue:
    return Catalogue(name=name, as_of=MAY, **members)


def price(**members: Any) -> PriceRow:
    return PriceRow(model_id="a/m", **members)


def settled(*rows: PriceRow) -> tuple[list[PriceRow], Catalogue]:
    report = catalogue()
    return list(settle(rows, report)), report


def test_a_row_that_the_domain_refuses_is_rejected_by_name() -> None:
    found = catalogue()
    assert not found.add(ModelRow(provider_id="a", model_id="with space", name="M"))
    assert not found.add(
        PriceRow(model_id="a/m", observed_on=MAY, input_price=Decimal("0.0000000001"))
    )
    assert not found.add(ProviderRow(id="a", name=""))
    assert [(r.table, r.what, r.why) for r in found.rejected] == [
        ("models", "a/with space", "modelId holds characters that it may not have"),
        (
            "pricing",
            "a/m standard 0 2026-05-21",
            "1E-10 has more than 9 digits after the decimal point",
        ),
        ("providers", "a", "Expected `str` of length >= 1 - at `$.name`"),
    ]
    assert [found.models, found.pricing, found.providers] == [{}, [], {}]


def test_an_observed_price_counts_only_where_it_differs_from_what_applied() -> None:
    dated = price(effective_date=MAY, input_price=Decimal(3), cached_input_price=Decimal("0.3"))
    same = price(observed_on=JUNE, input_price=Decimal("3.0"))
    other = price(observed_on=JULY, input_price=Decimal(2))
    rows, report = settled(other, same, dated)
    assert rows == [dated, other]
    assert not report.rejected


def test_a_dated_price_comes_before_an_observed_one_of_the_same_day() -> None:
    dated = price(effective_date=JUNE, input_price=Decimal(3))
    seen = price(observed_on=JUNE, input_price=Decimal(4))
    rows, report = settled(seen, dated)
    assert rows == [dated]
    assert [r.what for r in report.rejected] == ["a/m standard 0 2026-06-01"]


def test_tiers_do_not_hide_each_other() -> None:
    rows = [
        price(observed_on=MAY, input_price=Decimal(1)),
        price(observed_on=MAY, input_price=Decimal(1), context_threshold=200_000),
        price(observed_on=MAY, input_price=Decimal(1), service_tier="batch"),
    ]
    assert settled(*rows)[0] == rows


def test_the_first_source_that_knows_a_member_has_it() -> None:
    first = catalogue()
    second = catalogue()
    for found in (first, second):
        found.add(ProviderRow(id="a", name="A"))
    first.add(ModelRow(provider_id="a", model_id="m", name="First", context_window=None))
    second.add(
        ModelRow(provider_id="a", model_id="m", name="Second", context_window=8, deprecated=True)
    )
    model = merge([first, second]).models["a/m"]
    assert (model.name, model.context_window, model.deprecated) == ("First", 8, True)


def test_rows_without_what_they_refer_to_are_rejected_by_name() -> None:
    found = catalogue()
    found.add(ModelRow(provider_id="nobody", model_id="m", name="M"))
    found.add(price(observed_on=MAY, input_price=Decimal(1)))
    found.add(ScoreRow(model_id="a/m", benchmark_name="b", score=Decimal(1)))
    merged = merge([found])
    assert [merged.models, merged.pricing, merged.benchmarks] == [{}, [], {}]
    assert [r.what for r in merged.rejected] == ["nobody/m", "a/m standard 0 2026-05-21", "a/m b"]


def test_batches_are_bounded_and_refer_backwards_only(all_of_it: Catalogue) -> None:
    providers: set[str] = set()
    models: set[str] = set()
    days: list[datetime.date] = []
    for batch in batches(all_of_it, size=500):
        rows = [*batch.providers, *batch.models, *batch.pricing, *batch.benchmarks]
        assert 0 < len(rows) <= 500
        providers |= {row.id for row in batch.providers}
        models |= {row.id for row in batch.models}
        assert {row.provider_id for row in batch.models} <= providers
        assert {row.model_id for row in (*batch.pricing, *batch.benchmarks)} <= models
        days += [row.effective_date or row.observed_on or MAY for row in batch.pricing]
    assert len(days) == len(all_of_it.pricing)
    assert days == sorted(days)
