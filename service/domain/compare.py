"""Models side by side: what each can do, costs and scores, and which is best in each row."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from service.domain.benchmarks import Score
from service.domain.models import Model
from service.domain.pricing import Price
from service.domain.values import Record

_MILLION = Decimal(1_000_000)


class ComparedModel(Model, frozen=True, kw_only=True):
    """One column of a comparison."""

    pricing: Annotated[Price | None, Meta(description="The current price; null when unknown.")]
    benchmarks: Annotated[tuple[Score, ...], Meta(description="All scores, by name.")]
    cost: Annotated[
        Decimal | None,
        Meta(description="US dollars for the workload asked about; null when a price is unknown."),
    ]


class Comparison(Record, frozen=True, kw_only=True):
    """Models in the order asked for, and the best of each row."""

    models: tuple[ComparedModel, ...]
    best: Annotated[
        dict[str, tuple[str, ...]],
        Meta(
            description="Ids of the best models per row (`contextWindow`, `inputPrice`, `cost`, "
            "`benchmarks.NAME`, …), ties included; rows that nobody leads are left out."
        ),
    ]


def workload_cost(
    price: Price | None, input_tokens: int, output_tokens: int, cached_input_tokens: int
) -> Decimal | None:
    """US dollars, exact. Cached tokens are part of the input tokens.

    Without a price of their own, cached tokens cost what others do. None where a price that the
    workload needs is unknown.
    """
    if price is None:
        return None
    cached_price = (
        price.input_price if price.cached_input_price is None else price.cached_input_price
    )
    total = Decimal(0)
    for tokens, figure in (
        (input_tokens - cached_input_tokens, price.input_price),
        (cached_input_tokens, cached_price),
        (output_tokens, price.output_price),
    ):
        if tokens:
            if figure is None:
                return None
            total += tokens * figure
    return total / _MILLION


def best_of_rows(models: tuple[ComparedModel, ...]) -> dict[str, tuple[str, ...]]:
    """The winners of each row in which at least two models have a value and they differ."""
    rows: dict[str, dict[str, Decimal | int | str]] = {}
    lower_is_better = {"cost"}

    def put(row: str, model: ComparedModel, value: Decimal | int | str | None) -> None:
        if value is not None:
            rows.setdefault(row, {})[model.id] = value

    for model in models:
        put("contextWindow", model, model.context_window)
        put("maxOutput", model, model.max_output)
        put("releaseDate", model, model.release_date)
        put("knowledgeCutoff", model, model.knowledge_cutoff)
        if model.pricing is not None:
            put("inputPrice", model, model.pricing.input_price)
            put("outputPrice", model, model.pricing.output_price)
            put("cachedInputPrice", model, model.pricing.cached_input_price)
        put("cost", model, model.cost)
        for score in model.benchmarks:
            row = f"benchmarks.{score.benchmark_name}"
            put(row, model, score.score)
            if not score.higher_is_better:
                lower_is_better.add(row)
    lower_is_better |= {"inputPrice", "outputPrice", "cachedInputPrice"}
    best: dict[str, tuple[str, ...]] = {}
    for row, values in rows.items():
        if len(set(values.values())) < 2:
            continue
        pick = min if row in lower_is_better else max
        winner = pick(values.values())
        best[row] = tuple(id for id, value in values.items() if value == winner)
    return best
