"""Reading models."""

from __future__ import annotations

import datetime
import difflib
from typing import NamedTuple

from service.application.answers import at_todays_prices, one, page
from service.domain.answers import Answer
from service.domain.models import ModelDetail
from service.domain.queries import Include, ModelDetailQuery, ModelQuery
from service.errors import NotFound
from service.storage import models as stored
from service.storage.database import Database
from service.storage.snapshot import Snapshot


class Found(NamedTuple):
    """Models that are there, by id."""

    models: dict[str, ModelDetail]
    snapshot: Snapshot


async def list_models(
    reader: Database, query: ModelQuery, *, today: datetime.date
) -> Answer[list[ModelDetail]]:
    """A page of models with what `include` names."""
    found = await at_todays_prices(
        lambda as_of: stored.page(reader, query, as_of), query.as_of, today
    )
    return page(
        found.models,
        found.snapshot,
        total=found.total,
        page=query.page,
        page_size=query.page_size,
        facets=found.facets,
    )


async def get_model(
    reader: Database, id: str, query: ModelDetailQuery, *, today: datetime.date
) -> Answer[ModelDetail]:
    """One model with its price; `NotFound` names ids that are near."""
    include: tuple[Include, ...] = ("pricing", *query.include)
    found = await find(reader, (id,), include, query.as_of, today)
    return one(found.models[id], found.snapshot)


async def find(
    reader: Database,
    ids: tuple[str, ...],
    include: tuple[Include, ...],
    as_of: datetime.date | None,
    today: datetime.date,
) -> Found:
    """All models with these ids; `NotFound` for those that are missing, with ids that are near."""

    async def read(day: datetime.date | None) -> Found:
        models, snapshot = await stored.get(reader, ids, include, day)
        return Found({model.id: model for model in models}, snapshot)

    found = await at_todays_prices(read, as_of, today)
    missing = [id for id in dict.fromkeys(ids) if id not in found.models]
    if missing:
        near = {id: await nearest(reader, id) for id in missing}
        raise NotFound(
            f"no model {', '.join(map(repr, missing))}: an id is provider/model-id, as in "
            "/v1/models",
            {"missing": missing, "nearest": near},
        )
    return found


async def nearest(reader: Database, id: str) -> list[str]:
    """Up to five ids most like a wrong one, the nearest first."""
    by_lower = {candidate.lower(): candidate for candidate in await stored.nearest(reader, id)}
    close = difflib.get_close_matches(id.lower(), by_lower, n=5, cutoff=0.4)
    return [by_lower[lower] for lower in close]
