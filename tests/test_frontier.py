"""The front is what no model beats at both price and score, whatever the points."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from service.domain.frontier import Point, pareto_front, ranked

NUMBERS = st.integers(-3, 6).map(Decimal)
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=12)


def beats(one: Point, other: Point, sign: int) -> bool:
    """Whether one is as cheap and as good, and better at one of the two."""
    better = sign * one.score >= sign * other.score and one.price <= other.price
    return better and (one.score, one.price) != (other.score, other.price)


@given(POINTS, st.booleans())
def test_beaten_by_none(pairs: list[tuple[Decimal, Decimal]], higher_is_better: bool) -> None:
    sign = 1 if higher_is_better else -1
    points = [
        Point(model_id=str(n), score=score, price=price) for n, (score, price) in enumerate(pairs)
    ]
    front = pareto_front(ranked(points, higher_is_better=higher_is_better))
    expected = [one for one in points if not any(beats(other, one, sign) for other in points)]
    assert sorted(one.model_id for one in front) == sorted(one.model_id for one in expected)
    assert [one.price for one in front] == sorted(one.price for one in front)
