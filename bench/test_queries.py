"""How long an answer takes that is in no cache: use case, database, rows to structs, JSON.

Each question is asked in three passes, and its time is the median of them: what other programs do
on the machine for a moment does not count. Targets are in milliseconds at the 95th percentile of
the questions: a floor for every size, and for some a goal for 1 and 10 times; an engine behind a
connection has 3 ms more.

With `--floors` a query must also keep its distance to a scan of the prices, taken in turns with it:
that tells a lost index from a slow machine.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

import pytest

from bench import workload
from bench.conftest import ENGINES, Case, Figures, percentile
from bench.dataset import TODAY
from service.application.benchmarks import list_scores
from service.application.compare import compare_models
from service.application.models import get_model, list_models
from service.application.pricing import list_prices
from service.application.providers import list_providers
from service.application.search import search
from service.domain.queries import ModelDetailQuery, PriceQuery, ProviderQuery, ScoreQuery
from service.http.reply import encode
from service.storage.database import Database, Statement

NETWORK: Final = 3.0
PASSES: Final = 3
QUESTIONS: Final = 200
# A table without an index for it, as the engine reads it.
SCAN: Final = Statement("scan", "SELECT count(*) FROM pricing WHERE source_url LIKE '%-nowhere-%'")

Ask = Callable[[Database], Awaitable[Any]]


class Kind(NamedTuple):
    """A kind of question: its target times, and an endless row of such questions."""

    floor: float
    goal: float | None
    # Most of the time of a scan at the real size, by engine: some twice of what it is.
    scans: tuple[float, float, float]
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
    "list": Kind(100, 5, (1.5, 2.0, 2.0), _lists),
    "detail": Kind(50, 1, (0.4, 0.95, 0.5), _details),
    "compare 5": Kind(100, 3, (0.6, 0.95, 0.6), _comparisons),
    "search": Kind(200, 10, (2.0, 2.2, 0.8), _searches),
    "leaderboard": Kind(100, None, (1.5, 2.0, 1.6), _rankings),
    "price history": Kind(100, None, (0.5, 0.95, 0.6), _histories),
    "providers": Kind(100, None, (0.8, 1.2, 1.2), _providers),
}


@pytest.mark.parametrize("query", KINDS)
def test_query(
    benchmark: Any, case: Case, query: str, pytestconfig: pytest.Config, figures: Figures
) -> None:
    kind = KINDS[query]
    floors = pytestconfig.getoption("floors")
    asks = list(islice(kind.asks(case.names, random.Random(query)), 40 if floors else QUESTIONS))
    passing, cpu, scans = iter(asks * PASSES), [], []

    async def answer(ask: Ask) -> bytes:
        return encode(await ask(case.database))

    def timed(ask: Ask) -> None:
        begin = time.process_time()
        case.run(answer(ask))
        cpu.append(time.process_time() - begin)

    def prepare() -> tuple[tuple[Ask], dict[str, Any]]:
        if floors:
            begin = time.perf_counter()
            case.run(case.database.fetch(SCAN))
            scans.append(time.perf_counter() - begin)
        return (next(passing),), {}

    for ask in asks[:20]:
        case.run(answer(ask))
    benchmark.pedantic(timed, setup=prepare, rounds=len(asks) * PASSES)
    timings = _by_question(benchmark.stats.stats.data)
    more = 0.0 if case.engine == "sqlite" else NETWORK
    benchmark.extra_info.update(
        query=query,
        engine=case.engine,
        scale=case.scale,
        floor=kind.floor + more,
        goal=kind.goal + more if kind.goal and case.scale <= 10 else None,
        cpu=percentile(_by_question(cpu), 0.95),
        **{f"p{n}": percentile(timings, n / 100) for n in (50, 95, 99)},
    )
    if floors:
        most = kind.scans[ENGINES.index(case.engine)]
        share = statistics.median(timings) / statistics.median(scans)
        figures.add(f"{query} on {case.engine}, against a scan", share, "times", most=most)
        assert benchmark.extra_info["p95"] <= kind.floor + more
        assert share <= most


def _by_question(timings: list[float]) -> list[float]:
    """The median of the passes for each question."""
    size = len(timings) // PASSES
    return [statistics.median(timings[i::size]) for i in range(size)]
