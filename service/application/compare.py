"""Models side by side."""

from __future__ import annotations

import datetime

import msgspec

from service.application.answers import one
from service.application.models import find
from service.domain.answers import Answer
from service.domain.compare import ComparedModel, Comparison, best_of_rows, workload_cost
from service.domain.models import ModelDetail
from service.domain.queries import CompareQuery
from service.storage.database import Database


async def compare_models(
    reader: Database, query: CompareQuery, *, today: datetime.date
) -> Answer[Comparison]:
    """The models in the order asked for, the best of each row, and the cost of the workload."""
    found = await find(reader, query.ids, ("pricing", "benchmarks"), None, today)
    models = tuple(_compared(found.models[id], query) for id in dict.fromkeys(query.ids))
    return one(Comparison(models=models, best=best_of_rows(models)), found.snapshot)


def _compared(model: ModelDetail, query: CompareQuery) -> ComparedModel:
    price = model.pricing or None
    workload = (query.input_tokens, query.output_tokens, query.cached_input_tokens)
    asked = any(tokens is not None for tokens in workload)
    cost = workload_cost(price, *(tokens or 0 for tokens in workload)) if asked else None
    values = msgspec.structs.asdict(model)
    del values["history"]
    return ComparedModel(**(values | {"pricing": price, "cost": cost}))
