"""Price against score."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from service.application.answers import at_todays_prices
from service.domain.decimals import from_billionths
from service.domain.frontier import Point, pareto_front, ranked
from service.storage import frontier as stored
from service.storage.database import Database
from service.storage.snapshot import Snapshot

# Models that are shown beside the front, the best first.
SHOWN: Final = 1000


@dataclass(frozen=True, slots=True)
class Frontier:
    """Models with a score and a known price: those that none beats, and the best of all."""

    front: list[Point[Decimal]]
    best: list[Point[Decimal]]
    # Of each of these models.
    names: dict[str, str]
    # How many there are, and how many more have a score and no known price.
    total: int
    unpriced: int
    unit: str | None
    snapshot: Snapshot


async def benchmark_names(reader: Database) -> list[str]:
    """All benchmarks that models have scores in, by name."""
    return await stored.benchmarks(reader)


async def find_frontier(
    reader: Database,
    benchmark: str,
    figure: Literal["input_price", "output_price"],
    today: datetime.date,
) -> Frontier:
    """Scores of a benchmark against the current input or output price; deprecated models aside."""
    found = await at_todays_prices(
        lambda as_of: stored.scores(reader, benchmark, figure, as_of), None, today
    )
    ranking = ranked(found.points, higher_is_better=found.higher_is_better)
    front, best = _shown(pareto_front(ranking)), _shown(ranking[:SHOWN])
    ids = {point.model_id for point in (*front, *best)}
    return Frontier(
        front=front,
        best=best,
        names=await stored.names(reader, ids),
        total=len(ranking),
        unpriced=found.unpriced,
        unit=found.unit,
        snapshot=found.snapshot,
    )


def _shown(points: Iterable[Point[int]]) -> list[Point[Decimal]]:
    return [
        Point(point.model_id, from_billionths(point.score), from_billionths(point.price))
        for point in points
    ]
