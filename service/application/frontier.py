"""Price against score."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Literal

from service.application.answers import at_todays_prices
from service.domain.frontier import Point, pareto_front
from service.storage import frontier as stored
from service.storage.database import Database
from service.storage.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Frontier:
    """The models with a score and a known price, the best first, and those that none beats."""

    points: list[Point]
    front: list[Point]
    # Models whose score is known and whose price is not.
    unpriced: int
    unit: str | None
    higher_is_better: bool
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
    """Scores of a benchmark against the current input or output price."""
    found = await at_todays_prices(
        lambda as_of: stored.scores(reader, benchmark, figure, as_of), None, today
    )
    points = [
        Point(model_id=one.model_id, name=one.name, score=one.score, price=one.price)
        for one in found.scores
        if one.price is not None
    ]
    sign = -1 if found.higher_is_better else 1
    points.sort(key=lambda point: (sign * point.score, point.price, point.model_id))
    return Frontier(
        points=points,
        front=pareto_front(points, higher_is_better=found.higher_is_better),
        unpriced=len(found.scores) - len(points),
        unit=found.unit,
        higher_is_better=found.higher_is_better,
        snapshot=found.snapshot,
    )
