"""How long a page of the explorer takes that is in no cache: use case, database, template.

Processor time, since other programs on the machine do not count in it: what a visitor waits for on
an idle machine, or less, since statements of one page run at once.
"""

from __future__ import annotations

import inspect
import statistics
import time
from collections.abc import Mapping
from typing import Any, Final

import pytest

from bench.conftest import Case, Figures
from bench.dataset import TODAY
from service.http.explorer import PAGES
from service.http.pages.page import html

MOST: Final = 500.0
QUESTIONS: Final = {
    "all models": ("/", b"", ""),
    "search": ("/", b"q=sonnet", ""),
    "frequent word, filtered": ("/", b"q=gpt&supports=tools", ""),
    "filters": ("/", b"supports=vision,tools&minContext=200000&maxInputPrice=1", ""),
    "far page": ("/", b"page=100", ""),
    "one model": ("/models/{id}", b"", "openai/gpt-5.5"),
    "comparison": ("/compare", b"ids=openai/gpt-5.5,google/gemini-2.5-pro&inputTokens=1000", ""),
    "price against score": ("/frontier", b"", ""),
    "providers": ("/providers", b"", ""),
}
_BY_PATH: Final = {page.path: page for page in PAGES}


@pytest.mark.parametrize("what", QUESTIONS)
def test_page(case: Case, figures: Figures, what: str) -> None:
    path, query_string, id = QUESTIONS[what]
    page = _BY_PATH[path]
    query = page.read(query_string, 8192)
    given: Mapping[str, Any] = {"reader": case.database, "query": query, "id": id, "today": TODAY}
    takes = inspect.signature(page.use_case).parameters

    def answer() -> bytes:
        view = case.run(page.use_case(**{name: given[name] for name in takes}))
        return html(view, page, query).body

    answer()
    spent = []
    for _ in range(3):
        begin = time.process_time()
        assert answer()
        spent.append(1000 * (time.process_time() - begin))
    of = f"page of {what}, {case.scale}x on {case.engine}"
    figures.add(of, statistics.median(spent), "ms of CPU", most=MOST)
