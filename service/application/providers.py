"""Reading providers."""

from __future__ import annotations

import difflib

from service.application.answers import one, page
from service.domain.answers import Answer
from service.domain.providers import ProviderSummary
from service.domain.queries import ProviderQuery
from service.errors import NotFound
from service.storage import providers as stored
from service.storage.database import Database


async def list_providers(reader: Database, query: ProviderQuery) -> Answer[list[ProviderSummary]]:
    """A page of providers, by id."""
    found = await stored.page(reader, query)
    return page(
        found.providers,
        found.snapshot,
        total=found.total,
        page=query.page,
        page_size=query.page_size,
    )


async def get_provider(reader: Database, id: str) -> Answer[ProviderSummary]:
    """One provider; `NotFound` names ids that are near."""
    provider, snapshot = await stored.get(reader, id)
    if provider is None:
        near = difflib.get_close_matches(id.lower(), await stored.ids(reader), n=5, cutoff=0.4)
        raise NotFound(
            f"no provider {id!r}: an id is as in /v1/providers",
            {"missing": [id], "nearest": {id: near}},
        )
    return one(provider, snapshot)
