"""Search over HTTP."""

from __future__ import annotations

from typing import Final

from service.application import search
from service.domain.search import Match
from service.http.endpoint import Endpoint
from service.http.examples import MODEL, PRICE, many

MATCHES: Final = Endpoint(
    path="/v1/search",
    operation="search",
    tag="models",
    summary="Search models and providers",
    description=(
        "Models and providers whose name or id holds all words of `q`, also inside of words. "
        "Whole names come first, then beginnings, then beginnings of words, then the rest."
    ),
    use_case=search.search,
    keep="list",
    component="SearchResponse",
    asks={"q": "sonnet 4.5"},
    example=many(
        Match(
            kind="model",
            id=MODEL.id,
            name=MODEL.name,
            match="word",
            provider_id=MODEL.provider_id,
            deprecated=False,
            context_window=MODEL.context_window,
            pricing=PRICE,
        ),
        page_size=20,
    ),
)
