"""Price against score: which models nobody beats at both."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from operator import attrgetter
from typing import Generic, NamedTuple, TypeVar

N = TypeVar("N", int, Decimal)


class Point(NamedTuple, Generic[N]):
    """A model with a score in a benchmark and a price in US dollars per million tokens.

    Decimals, or the integers that are stored: of thousands that are compared few are shown.
    """

    model_id: str
    score: N
    price: N


def ranked(points: Iterable[Point[N]], *, higher_is_better: bool) -> list[Point[N]]:
    """The best score first, of equal ones the cheapest."""
    found = sorted(points, key=attrgetter("model_id"))
    # Sorting is stable, and thrice by one member is quicker than once by all.
    found.sort(key=attrgetter("price"))
    found.sort(key=attrgetter("score"), reverse=higher_is_better)
    return found


def pareto_front(ranking: Iterable[Point[N]]) -> list[Point[N]]:
    """Of ranked points those for which none is cheaper and as good, or better and as cheap.

    The cheapest comes first.
    """
    front: list[Point[N]] = []
    for point in ranking:
        last = front[-1] if front else None
        if (
            last is None
            or point.price < last.price
            or (point.price == last.price and point.score == last.score)
        ):
            front.append(point)
    return front[::-1]
