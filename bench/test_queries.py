"""How long an answer takes that is in no cache: use case, database, rows to structs, JSON.

Every round asks something else. Targets are in milliseconds at the 95th percentile: a floor for
every size, and for some a goal for 1 and 10 times; an engine behind a connection has 3 ms more.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, NamedTuple

import pytest

from bench import workload
from bench.conftest import CI, Case, percentile
from bench.dataset import TODAY
from service.application.benchmarks import list_scores
from service.application.compare import compare_models
from service.application.models import get_model, list_models
from service.application.pricing import list_prices
from service.application.providers import list_providers
from service.application.search import search
from service.domain.queries import ModelDetailQuery, PriceQuery, ProviderQuery, ScoreQuery
from service.http.reply import encode
from service.storage.database import Database

NETWORK: Final = 3.0
ROUNDS: Final = 100 if CI else 400
WARMUP: Final = 20

Ask = Callable[[Database], Awaitable[Any]]


class Kind(NamedTuple):
    """A kind of question: its target times, and an endless row of such questions."""

    floor: float
    goal: float | None
    asks: Callable[[workload.Names, random.Random], Iterator[Ask]]


def _lists(names: workload.Names, rng: random.Random) -> Iterator[Ask]:
    for query in workload.lists(names, rng):
        yield lambda db, query=query: list_models(db, query, today=TODAY)


def _details(names: workload.Names, rng: random.Random) -> Iterator[Ask]:
    while True:
        id = workload.skewed(rng, names.models)
        yield lambda db, id=id: get_model(db, id, ModelDetailQuery(), today=TODAY)


def _comparisons(names: workload.Names, rng: random.Random) -> Iterator[Ask]:
    for query in workload.comparisons(names, rng):
        yield lambda db, query=query: compare_models(db, query, today=TODAY)


def _searches(names: workload.Names, rng: random.Random) -> Iterator[Ask]:
    for query in workload.searches(rng):
        yield lambda db, query=query: search(db, query, today=TODAY)


def _rankings(names: workload.Names, rng: random.Random) -> Iterator[Ask]:
    while True:
        query = ScoreQuery(name=rng.choice(workload.BENCHMARKS), page=rng.choice((1, 1, 1, 2, 3)))
        yield lambda db, query=query: list_scores(db, query, today=TODAY)


def _histories(names: workload.Names, rng: random.Random) -> Iterator[Ask]:
    while True:
        query = PriceQuery(model=workload.skewed(rng, names.models))
        yield lambda db, query=query: list_prices(db, query)


def _providers(names: workload.Names, rng: random.Random) -> Iterator[Ask]:
    while True:
        query = ProviderQuery(page=rng.choice((1, 1, 1, 2)), page_size=rng.choice((50, 100)))
        yield lambda db, query=query: list_providers(db, query)


KINDS: Final = {
    "list": Kind(100, 5, _lists),
    "detail": Kind(50, 1, _details),
    "compare 5": Kind(100, 3, _comparisons),
    "search": Kind(200, 10, _searches),
    "leaderboard": Kind(100, None, _rankings),
    "price history": Kind(100, None, _histories),
    "providers": Kind(100, None, _providers),
}


@pytest.mark.parametrize("query", KINDS)
def test_query(benchmark: Any, case: Case, query: str) -> None:
    kind = KINDS[query]
    asks = kind.asks(case.names, random.Random(query))

    async def answer(ask: Ask) -> bytes:
        return encode(await ask(case.database))

    benchmark.pedantic(
        lambda ask: case.run(answer(ask)),
        setup=lambda: ((next(asks),), {}),
        rounds=ROUNDS,
        warmup_rounds=WARMUP,
    )
    timings = benchmark.stats.stats.data
    more = 0.0 if case.engine == "sqlite" else NETWORK
    benchmark.extra_info.update(
        query=query,
        engine=case.engine,
        scale=case.scale,
        floor=kind.floor + more,
        goal=kind.goal + more if kind.goal and case.scale <= 10 else None,
        **{f"p{n}": percentile(timings, n / 100) for n in (50, 95, 99)},
    )
    if CI:
        assert benchmark.extra_info["p95"] <= kind.floor + more
