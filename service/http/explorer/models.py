"""`/`: all models, to be searched, filtered and sorted."""

from __future__ import annotations

import asyncio
import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from service.application import models, search
from service.domain.models import CAPABILITIES
from service.domain.queries import ModelListing, ModelQuery, ModelSort, SearchQuery
from service.domain.search import Match
from service.http.pages.forms import link
from service.http.pages.page import Page, View
from service.storage.database import Database

# Providers that the filter offers at once, those with the most models first.
_PROVIDERS: Final = 40
_MATCHES: Final = 6


class ModelsQuery(ModelListing, frozen=True, kw_only=True):
    """`GET /`: the newest models first."""

    sort: tuple[ModelSort, ...] = ("-releaseDate",)


async def show(reader: Database, query: ModelsQuery, *, today: datetime.date) -> View:
    """A page of models, with counts for its filters and the best matches of a search."""
    wanted = ModelQuery(**msgspec.structs.asdict(query), facets=("provider", "supports"))
    calls = [link("/v1/models", wanted)]
    asked = [models.list_models(reader, wanted, today=today)]
    if query.provider:  # how many models other providers would add
        others = replace(wanted, provider=(), facets=("provider",), include=(), page=1, page_size=1)
        asked.append(models.list_models(reader, others, today=today))
        calls.append(link("/v1/models", others))
    matches: list[Match] = []
    revisions: list[int] = []
    if query.q is not None and query.page == 1:
        searched = SearchQuery(q=query.q, page_size=_MATCHES)
        best = await search.search(reader, searched, today=today)
        calls.append(link("/v1/search", searched))
        matches, revisions = best.data, [best.meta.revision or 0]
    answers = await asyncio.gather(*asked)
    answer = answers[0]
    supports = (answer.meta.facets or {}).get("supports", {})
    providers = (answers[-1].meta.facets or {}).get("provider", {})
    offered = dict.fromkeys(query.provider, 0) | dict(list(providers.items())[:_PROVIDERS])
    return View(
        title="AI models",
        revision=min([*revisions, *(one.meta.revision or 0 for one in answers)]),
        calls=tuple(calls),
        values={
            "models": answer.data,
            "matches": matches,
            "total": answer.meta.total or 0,
            "pages": -(-(answer.meta.total or 0) // query.page_size),
            "providers": {id: providers.get(id, 0) for id in offered},
            "more_providers": max(0, len(providers) - len(offered)),
            "capabilities": {name: supports.get(name, 0) for name in CAPABILITIES},
        },
    )


MODELS: Final = Page(
    path="/",
    operation="modelsPage",
    summary="all models: search, filters with counts, sorting",
    use_case=show,
    template="explorer/models.html",
)
