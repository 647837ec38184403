"""What is measured is also right: pages and totals against Python looking at every model."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from msgspec.structs import replace

from bench import dataset, workload
from bench.conftest import Case
from bench.dataset import TODAY
from service.application.models import list_models
from service.domain.decimals import to_billionths
from service.domain.models import CAPABILITIES, INPUT_MODALITIES, OPEN_WEIGHTS, OUTPUT_MODALITIES
from service.domain.queries import ModelQuery
from service.domain.text import fold

SAMPLE = 300
Row = dict[str, Any]

_COLUMNS = {
    "name": "name_folded",
    "provider": "provider_id",
    "releaseDate": "release_date",
    "contextWindow": "context_window",
    "maxOutput": "max_output",
    "updatedAt": "updated_at",
}


class Brute:
    """All models of a catalogue, searched one by one."""

    def __init__(self, file: Path) -> None:
        with closing(apsw.Connection(str(file), apsw.SQLITE_OPEN_READONLY)) as db:
            found = db.execute("SELECT * FROM listing_source ORDER BY model_id")
            names = [column[0] for column in found.description]
            self.models: list[Row] = [dict(zip(names, row, strict=True)) for row in found]
            scores = db.execute("SELECT model_id, benchmark_name, score FROM benchmarks")
            self.scores = {(model, name): score for model, name, score in scores}
            self.prices: dict[str, list[tuple[Any, ...]]] = {}
            for model, *price in db.execute(
                "SELECT model_id, effective_date, input_price_per_million, output_price_per_million"
                " FROM pricing WHERE service_tier = 'standard' AND context_threshold = 0"
                " ORDER BY effective_date DESC"
            ):
                self.prices.setdefault(model, []).append(tuple(price))

    def answer(self, query: ModelQuery) -> list[str]:
        """Ids of all that the query leaves, in its order."""
        day = (query.as_of or TODAY).isoformat()
        found = [model for model in self.models if self._keeps(model, query, day)]
        for key in reversed(query.sort):
            value = self._value(key.lstrip("-"), query, day)
            known = [model for model in found if value(model) is not None]
            known.sort(key=value, reverse=key.startswith("-"))
            found = known + [model for model in found if value(model) is None]
        return [model["model_id"] for model in found]

    def _price(self, model: Row, day: str, which: int) -> int | None:
        prices = self.prices.get(model["model_id"], ())
        return next((price[which] for price in prices if price[0] <= day), None)

    def _value(self, name: str, query: ModelQuery, day: str) -> Callable[[Row], Any]:
        if name in ("inputPrice", "outputPrice"):
            return lambda model: self._price(model, day, 1 if name == "inputPrice" else 2)
        if name == "score":
            return lambda model: self.scores.get((model["model_id"], query.benchmark))
        return lambda model: model[_COLUMNS[name]]

    def _keeps(self, model: Row, query: ModelQuery, day: str) -> bool:
        bits = sum({CAPABILITIES[c] for c in query.supports})
        bits += sum({INPUT_MODALITIES[m] for m in query.input_modalities})
        bits += sum({OUTPUT_MODALITIES[m] for m in query.output_modalities})
        if query.open_weights is not None:
            bits += OPEN_WEIGHTS[query.open_weights]
        score = self.scores.get((model["model_id"], query.benchmark))
        text = f"{model['name_folded']}\n{model['model_id'].lower()}"

        def least(value: Any, limit: Any) -> bool:
            return limit is None or (value is not None and value >= limit)

        def most(value: Any, limit: Any) -> bool:
            return limit is None or (value is not None and value <= limit)

        return (
            model["bits"] & bits == bits
            and query.deprecated in ("any", "true" if model["deprecated"] else "false")
            and (query.q is None or all(word in text for word in fold(query.q).split()))
            and (not query.ids or model["model_id"] in query.ids)
            and (not query.provider or model["provider_id"] in query.provider)
            and query.canonical in (None, model["canonical"])
            and least(model["context_window"], query.min_context)
            and least(model["max_output"], query.min_output)
            and least(model["release_date"], query.released_after and str(query.released_after))
            and most(model["release_date"], query.released_before and str(query.released_before))
            and most(self._price(model, day, 1), _stored(query.max_input_price))
            and most(self._price(model, day, 2), _stored(query.max_output_price))
            and (query.benchmark is None or score is not None)
            and least(score, _stored(query.min_score))
        )


def _stored(limit: Any) -> int | None:
    return None if limit is None else to_billionths(limit)


def test_lists(case: Case) -> None:
    if case.scale > 1:
        pytest.skip("the same SQL as at the real size")
    brute = Brute(dataset.path(case.scale))
    rng = random.Random(1)
    queries = rng.sample(list(workload.every(case.names, 300)), SAMPLE)
    # Pages far down, in every order: they are read in a way of their own.
    queries += [
        replace(query, page=1 + 60 * (i % 2)) for i, query in enumerate(workload.deep(case.names))
    ]
    for query in queries:
        expected = brute.answer(query)
        answer = case.run(list_models(case.database, query, today=TODAY))
        start = (query.page - 1) * query.page_size
        page = expected[start : start + query.page_size]
        assert ([model.id for model in answer.data], answer.meta.total) == (page, len(expected)), (
            query
        )
