"""The whole catalogue over HTTP."""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec.structs import replace

from service.application import catalog
from service.domain.answers import Answer
from service.domain.catalog import Catalog
from service.domain.providers import Provider
from service.domain.queries import Query
from service.http.endpoint import Endpoint
from service.http.examples import MODEL, PROVIDER, one
from service.http.reply import JSON, Reply, encode, reply

# Models that are encoded before others have their turn on the event loop.
_AT_ONCE: Final = 100


async def _in_pieces(answer: Answer[Catalog], endpoint: Endpoint, _: Query) -> Reply:
    """The same bytes as at once, in many steps: megabytes would hold up everyone else."""
    models = answer.data.models
    rest = encode(replace(answer, data=replace(answer.data, models=())))
    # Not within a text, where quotation marks are escaped.
    head, empty, tail = rest.partition(b'"models":[]')
    pieces = []
    for start in range(0, len(models), _AT_ONCE):
        pieces.append(encode(models[start : start + _AT_ONCE])[1:-1])
        await asyncio.sleep(0)
    body = b"".join((head, empty[:-1], b",".join(pieces), b"]", tail))
    revision = answer.meta.revision
    return await asyncio.to_thread(reply, body, JSON, endpoint.keep, revision=revision)


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
    render=_in_pieces,
    keep="list",
    component="CatalogResponse",
    example=one(Catalog(providers=(Provider(**_FIELDS),), models=(MODEL,))),
)
