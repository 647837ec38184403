"""Models over HTTP."""

from __future__ import annotations

from typing import Final

from service.application import models
from service.http.endpoint import Endpoint
from service.http.examples import MODEL, many, one

LIST: Final = Endpoint(
    path="/v1/models",
    operation="listModels",
    tag="models",
    summary="A page of models",
    description=(
        "Models that match all filters, each with its current price as `pricing`: the base row of "
        "the standard tier with the latest effective date not after today. Without `sort` they "
        "come by id. `facets` adds counts under the same filters, for a filter bar."
    ),
    use_case=models.list_models,
    keep="list",
    component="ModelListResponse",
    asks={"provider": "anthropic", "supports": "vision,tools", "sort": "-releaseDate"},
    example=many(MODEL),
)
DETAIL: Final = Endpoint(
    path="/v1/models/{id}",
    operation="getModel",
    tag="models",
    summary="One model",
    description=(
        "A model with its current price and what `include` names. The id is `provider/model-id` "
        "and may itself hold slashes, colons and at signs, as they are or percent-encoded. For an "
        "unknown id, `details` of the error names the nearest ones."
    ),
    use_case=models.get_model,
    keep="detail",
    component="ModelResponse",
    id="anthropic/claude-sonnet-4-5",
    asks={"include": "benchmarks"},
    example=one(MODEL),
)
