"""Price against score."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Final, Literal

from service.application.answers import at_todays_prices
from service.domain.frontier import Point, pareto_front, ranked
from service.storage import frontier as stored
from service.storage.database import Database
from service.storage.snapshot import Snapshot

# Models that are shown beside the front, the best first.
SHOWN: Final = 1000


@dataclass(frozen=True, slots=True)
class Frontier:
    """Models with a score and a known price: those that none beats, and the best of all."""

    front: list[Point]
    best: list[Point]
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
    points = ranked(
        (
            Point(model_id=one.model_id, score=one.score, price=one.price)
            for one in found.scores
            if one.price is not None
        ),
        higher_is_better=found.higher_is_better,
    )
    front, best = pareto_front(points), points[:SHOWN]
    ids = {point.model_id for point in (*front, *best)}
    return Frontier(
        front=front,
        best=best,
        names=await stored.names(reader, ids),
        total=len(points),
        unpriced=len(found.scores) - len(points),
        unit=found.unit,
        snapshot=found.snapshot,
    )
