"""Every filter with every sort, and every pair of filters: none is over the floor at any size."""

from __future__ import annotations

import time
from typing import Any, Final

from bench import workload
from bench.conftest import Case, Figures
from bench.dataset import TODAY
from service.application.models import list_models
from service.domain.queries import ModelQuery
from service.http.reply import encode

FLOOR: Final = 100.0
SHOWN: Final = 10


def test_combinations(case: Case, figures: Figures) -> None:
    """A combination over the floor is asked twice more, since something else may have run."""

    async def answer(query: ModelQuery) -> bytes:
        return encode(await list_models(case.database, query, today=TODAY))

    # A file is read by this process: what else runs does not count then.
    clock = time.process_time if case.engine == "sqlite" else time.perf_counter

    def timed(query: ModelQuery) -> float:
        begin = clock()
        case.run(answer(query))
        return (clock() - begin) * 1000

    found = []
    for query in workload.combinations_of(case.names):
        taken = timed(query)
        if taken > FLOOR:
            taken = min(taken, timed(query), timed(query))
        found.append((taken, query))
    found.sort(key=lambda pair: -pair[0])
    over = sum(taken > FLOOR for taken, _ in found)
    place = f"{case.engine} {case.scale}x"
    print(f"\n{len(found)} combinations on {place}, {over} over {FLOOR:g} ms; the slowest:")
    for taken, query in found[:SHOWN]:
        print(f"{taken:9.1f} ms  {_shown(query)}")
    figures.add(f"combinations over {FLOOR:g} ms of {len(found)}, {place}", over, "", most=0)
    figures.add(f"slowest combination, {place}", found[0][0], "ms", most=FLOOR)


def _shown(query: ModelQuery) -> dict[str, Any]:
    """What is asked beyond the defaults."""
    plain = ModelQuery()
    asked = {name: getattr(query, name) for name in query.__struct_fields__}
    return {name: value for name, value in asked.items() if value != getattr(plain, name)}
