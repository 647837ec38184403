"""How long a page of an admin table takes: each column both ways, with a filter, far behind.

Processor time, as in `test_pages.py`; most of it is the database's.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Final

import pytest

from bench.conftest import Case, Figures
from service.application import viewer
from service.domain.conditions import Choice, conditions
from service.domain.viewer import VIEWS, View

SOME: Final = 50.0
MOST: Final = 300.0
FAR: Final = 1000
SHOWN: Final = 5
# What chooses many rows, few, and none, by what has an index and by what has none.
FILTERS: Final[dict[str, dict[str, dict[str, str]]]] = {
    "providers": {"part of a name": {"name": "open"}},
    "models": {
        "part of a name": {"name": "sonnet"},
        "a million tokens": {"contextWindow": ">=1000000"},
        "nothing": {"license": "=none such"},
    },
    "pricing": {
        "free": {"state": "free"},
        "a range of prices": {"inputPrice": "1..2"},
        "part of a model's name": {"modelId": "gpt-4o"},
        "one model": {"modelId": "=openai/gpt-4o"},
        "nothing": {"sourceUrl": "none such"},
    },
    "benchmarks": {
        "a benchmark": {"benchmarkName": "=arena-overall"},
        "part of a model's name": {"modelId": "claude"},
    },
    "changes": {
        "a kind": {"kind": "price_changed"},
        "one model": {"modelId": "=openai/gpt-4o"},
        "part of an id": {"id": "gpt-4o"},
        "nothing": {"actor": "nobody"},
    },
}


def choices(view: View, filters: dict[str, str]) -> Iterator[Choice]:
    where = tuple(
        (name, one)
        for name, text in filters.items()
        for one in conditions(view.by_name[name], text)
    )
    for column in view.columns:
        if column.sortable:
            for sign in ("", "-"):
                yield Choice(view, where, sort=(sign + column.name,))


@pytest.mark.parametrize("name", FILTERS)
def test_table(case: Case, figures: Figures, name: str) -> None:
    view = VIEWS[name]
    asked = {"all": {}, f"page {FAR}": {}, **FILTERS[name]}
    for what, filters in asked.items():
        page = FAR if what.startswith("page") else 1
        found: list[tuple[float, str]] = []
        for choice in choices(view, filters):
            spent = []
            for _ in range(3):
                begin = time.process_time()
                case.run(viewer.list_rows(case.database, choice, page))
                spent.append(1000 * (time.process_time() - begin))
                if spent[0] > 2 * MOST:  # once more decides nothing
                    break
            found.append((min(spent), choice.sort[0]))
        found.sort(reverse=True)
        times = [took for took, _ in found]
        of = f"{name}, {what}, {case.scale}x on {case.engine}"
        figures.add(f"{of}: median of {len(times)} orders", statistics.median(times), "ms of CPU")
        figures.add(f"{of}: slowest", times[0], "ms of CPU", most=MOST)
        slow = ", ".join(f"{sort} {took:.0f}" for took, sort in found[:SHOWN])
        print(f"\n{of}: {sum(t > SOME for t in times)} over {SOME:g} ms; {slow}")
