"""`/providers`: who offers models."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from service.application import providers
from service.domain.queries import ProviderQuery
from service.http.pages.forms import link
from service.http.pages.page import Page, View
from service.storage.database import Database


class ProvidersQuery(ProviderQuery, frozen=True, kw_only=True):
    """`GET /providers`: fewer a page than the API gives."""

    page_size: Annotated[int, Meta(ge=1, le=500)] = 200


async def show(reader: Database, query: ProvidersQuery) -> View:
    """A page of providers, by id."""
    wanted = ProviderQuery(**msgspec.structs.asdict(query))
    answer = await providers.list_providers(reader, wanted)
    total = answer.meta.total or 0
    return View(
        title="Providers",
        revision=answer.meta.revision,
        calls=(link("/v1/providers", wanted),),
        values={
            "providers": answer.data,
            "total": total,
            "pages": -(-total // query.page_size),
        },
    )


PROVIDERS: Final = Page(
    path="/providers",
    operation="providersPage",
    summary="who offers models, and how many",
    use_case=show,
    template="explorer/providers.html",
)
