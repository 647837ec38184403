"""Price against score: which models nobody beats at both."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from service.domain.values import Record


class Point(Record, frozen=True, kw_only=True):
    """A model with a score in a benchmark and a price in US dollars per million tokens."""

    model_id: str
    name: str
    score: Decimal
    price: Decimal


def pareto_front(points: Iterable[Point], *, higher_is_better: bool) -> list[Point]:
    """The points for which none is cheaper and as good, or better and as cheap; by price."""
    sign = 1 if higher_is_better else -1
    front: list[Point] = []
    for point in sorted(points, key=lambda one: (one.price, -sign * one.score, one.model_id)):
        best = front[-1] if front else None
        if (
            best is None
            or sign * point.score > sign * best.score
            or (point.price == best.price and point.score == best.score)
        ):
            front.append(point)
    return front
