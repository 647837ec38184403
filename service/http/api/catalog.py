"""The whole catalogue over HTTP."""

from __future__ import annotations

from typing import Final

from service.application import catalog
from service.domain.catalog import Catalog
from service.domain.providers import Provider
from service.http.endpoint import Endpoint
from service.http.examples import MODEL, PROVIDER, one

_FIELDS: Final = {name: getattr(PROVIDER, name) for name in Provider.__struct_fields__}

DOCUMENT: Final = Endpoint(
    path="/v1/catalog",
    operation="getCatalog",
    tag="models",
    summary="The whole catalogue",
    description=(
        "All providers and all models with their current prices in one document of some "
        "megabytes: for a build step or a client that filters by itself. Ask again with "
        "`If-None-Match`; without a change the answer is a 304."
    ),
    use_case=catalog.get_catalog,
    keep="list",
    component="CatalogResponse",
    example=one(Catalog(providers=(Provider(**_FIELDS),), models=(MODEL,))),
)
