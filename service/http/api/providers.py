"""Providers over HTTP."""

from __future__ import annotations

from typing import Final

from service.application import providers
from service.http.endpoint import Endpoint
from service.http.examples import PROVIDER, many, one

LIST: Final = Endpoint(
    path="/v1/providers",
    operation="listProviders",
    tag="providers",
    summary="All providers",
    description="Who offers models, by id, each with the number of its models.",
    use_case=providers.list_providers,
    keep="list",
    component="ProviderListResponse",
    asks={"pageSize": "100"},
    example=many(PROVIDER, page_size=100),
)
DETAIL: Final = Endpoint(
    path="/v1/providers/{id}",
    operation="getProvider",
    tag="providers",
    summary="One provider",
    description="A provider by its id, which is the first part of the ids of its models.",
    use_case=providers.get_provider,
    keep="detail",
    component="ProviderResponse",
    id="anthropic",
    example=one(PROVIDER),
)
