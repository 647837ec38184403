"""`/`: all models, to be searched, filtered and sorted."""

from __future__ import annotations

import datetime
from typing import Final

import msgspec

from service.application import models
from service.domain.queries import ModelListing, ModelQuery
from service.http.pages.forms import link
from service.http.pages.page import Page, View
from service.storage.database import Database


async def show(reader: Database, query: ModelListing, *, today: datetime.date) -> View:
    """A page of models, with counts for its filters."""
    wanted = ModelQuery(**msgspec.structs.asdict(query), facets=("provider", "supports"))
    answer = await models.list_models(reader, wanted, today=today)
    return View(
        title="AI models",
        revision=answer.meta.revision,
        calls=(link("/v1/models", wanted),),
        values={"models": answer.data, "meta": answer.meta},
    )


MODELS: Final = Page(
    path="/",
    operation="modelsPage",
    summary="All models: search, filters, sorting",
    use_case=show,
    template="explorer/models.html",
)
