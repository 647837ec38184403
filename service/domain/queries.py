"""Questions that readers can ask: one struct per read endpoint, its fields the query parameters.

The same struct is checked, described in OpenAPI, and the key under which an answer is cached.
A tuple is a list with commas in the URL.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from service.domain.changes import ChangeKind, Table
from service.domain.models import Capability, Modality
from service.domain.pricing import ServiceTier
from service.domain.values import Record

Text = Annotated[str, Meta(min_length=1, max_length=200)]
Page = Annotated[int, Meta(ge=1, le=1_000_000, description="Page, from 1.")]
PageSize = Annotated[int, Meta(ge=1, le=500, description="Rows per page, 500 at most.")]
Id = Annotated[str, Meta(min_length=1, max_length=300)]
Ids = tuple[Id, ...]
Usd = Annotated[Decimal, Meta(description="US dollars per million tokens.")]
Count = Annotated[int, Meta(ge=0, le=1_000_000_000_000)]
AsOf = Annotated[
    datetime.date | None, Meta(description="Prices as they applied on this day; today by default.")
]
Ternary = Literal["false", "true", "any"]
ModelSort = Literal[
    "name", "-name",
    "provider", "-provider",
    "releaseDate", "-releaseDate",
    "contextWindow", "-contextWindow",
    "maxOutput", "-maxOutput",
    "inputPrice", "-inputPrice",
    "outputPrice", "-outputPrice",
    "updatedAt", "-updatedAt",
    "score", "-score",
]  # fmt: skip
Include = Literal["pricing", "benchmarks", "history"]
Facet = Literal["provider", "family", "mode", "supports"]


class Query(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all queries: unknown parameters are refused."""


class NoQuery(Query, frozen=True, kw_only=True):
    """An endpoint without parameters."""


class ProviderQuery(Query, frozen=True, kw_only=True):
    """`GET /v1/providers`."""

    page: Page = 1
    page_size: PageSize = 500


class ModelFilter(Query, frozen=True, kw_only=True):
    """Which models: shared by the list and the CSV export."""

    q: Annotated[Text | None, Meta(description="Words that name or id contain, in any order.")] = (
        None
    )
    ids: Annotated[Ids, Meta(description="These ids only.")] = ()
    provider: Annotated[Ids, Meta(description="Provider ids; any of them.")] = ()
    canonical: Annotated[
        Id | None, Meta(description="The same model at all its hosts: its maker's id.")
    ] = None
    supports: Annotated[tuple[Capability, ...], Meta(description="Capabilities; all of them.")] = ()
    input_modalities: Annotated[tuple[Modality, ...], Meta(description="All of them.")] = ()
    output_modalities: Annotated[tuple[Modality, ...], Meta(description="All of them.")] = ()
    min_context: Annotated[Count | None, Meta(description="Tokens.")] = None
    min_output: Annotated[Count | None, Meta(description="Tokens.")] = None
    max_input_price: Usd | None = None
    max_output_price: Usd | None = None
    released_after: Annotated[
        datetime.date | None, Meta(description="Released on this day or later.")
    ] = None
    released_before: Annotated[
        datetime.date | None, Meta(description="Released on this day or earlier.")
    ] = None
    open_weights: Annotated[bool | None, Meta(description="Whether the weights are published.")] = (
        None
    )
    deprecated: Annotated[
        Ternary, Meta(description="Deprecated models: without, only, or both.")
    ] = "false"
    benchmark: Annotated[
        Text | None, Meta(description="Models with a score in this benchmark.")
    ] = None
    min_score: Annotated[Decimal | None, Meta(description="Needs `benchmark`.")] = None
    as_of: AsOf = None


class ModelListing(ModelFilter, frozen=True, kw_only=True):
    """A page of models in some order: shared by the list and the page that shows it."""

    page: Page = 1
    page_size: PageSize = 50
    sort: Annotated[
        tuple[ModelSort, ...],
        Meta(
            description="Keys in order, `-` for descending; unknown values last either way. "
            "`score` needs `benchmark`."
        ),
    ] = ()


class ModelQuery(ModelListing, frozen=True, kw_only=True):
    """`GET /v1/models`."""

    fields: Annotated[tuple[str, ...], Meta(description="Only these members of each model.")] = ()
    include: Annotated[tuple[Include, ...], Meta(description="What to put beside each model.")] = (
        "pricing",
    )
    facets: Annotated[tuple[Facet, ...], Meta(description="Counts to add as `meta.facets`.")] = ()


class ModelDetailQuery(Query, frozen=True, kw_only=True):
    """`GET /v1/models/{id}`."""

    include: Annotated[
        tuple[Include, ...],
        Meta(description="What to put beside the model; its current price always is."),
    ] = ()
    fields: Annotated[tuple[str, ...], Meta(description="Only these members of the model.")] = ()
    as_of: AsOf = None


class PriceFilter(Query, frozen=True, kw_only=True):
    """Which prices: shared by the history and the CSV export."""

    model: Annotated[Id | None, Meta(description="Model id.")] = None
    from_: Annotated[datetime.date | None, Meta(description="Effective on this day or later.")] = (
        None
    )
    to: Annotated[datetime.date | None, Meta(description="Effective on this day or earlier.")] = (
        None
    )
    as_of: Annotated[
        datetime.date | None, Meta(description="What applied on this day: one row per tier.")
    ] = None
    known_at: Annotated[
        datetime.datetime | None, Meta(description="What the service believed at this moment.")
    ] = None
    service_tier: Annotated[ServiceTier | None, Meta(description="Prices of this tier only.")] = (
        None
    )


class PriceQuery(PriceFilter, frozen=True, kw_only=True):
    """`GET /v1/pricing`."""

    page: Page = 1
    page_size: PageSize = 500


class ScoreFilter(Query, frozen=True, kw_only=True):
    """Which scores: shared by the list and the CSV export."""

    model: Annotated[Id | None, Meta(description="Model id.")] = None
    name: Annotated[Text | None, Meta(description="Benchmark name: the answer is then ranked.")] = (
        None
    )


class ScoreQuery(ScoreFilter, frozen=True, kw_only=True):
    """`GET /v1/benchmarks`."""

    page: Page = 1
    page_size: PageSize = 50


class CompareQuery(Query, frozen=True, kw_only=True):
    """`GET /v1/compare`."""

    ids: Annotated[
        tuple[Id, ...], Meta(min_length=1, max_length=20, description="Up to 20 model ids.")
    ]
    input_tokens: Annotated[Count | None, Meta(description="Tokens of the workload.")] = None
    output_tokens: Annotated[Count | None, Meta(description="Tokens of the workload.")] = None
    cached_input_tokens: Annotated[
        Count | None, Meta(description="Of the input tokens, those read from the cache.")
    ] = None


class SearchQuery(Query, frozen=True, kw_only=True):
    """`GET /v1/search`."""

    q: Annotated[Text, Meta(description="Words that name or id contain, in any order.")]
    page: Page = 1
    page_size: PageSize = 20


class ChangeFilter(Query, frozen=True, kw_only=True):
    """Which changes: shared by the log, its stream and webhooks."""

    table: Annotated[tuple[Table, ...], Meta(description="Any of them.")] = ()
    model: Annotated[
        Id | None, Meta(description="Changes of this model, its prices and its scores.")
    ] = None
    kind: Annotated[tuple[ChangeKind, ...], Meta(description="Any of them.")] = ()


class ChangeQuery(ChangeFilter, frozen=True, kw_only=True):
    """`GET /v1/changes`."""

    since: Annotated[int, Meta(ge=0, description="Changes after this revision.")] = 0
    limit: Annotated[int, Meta(ge=1, le=1000, description="Changes at most.")] = 100


class StreamQuery(ChangeFilter, frozen=True, kw_only=True):
    """`GET /v1/changes/stream`."""

    since: (
        Annotated[
            int,
            Meta(ge=0, description="Changes after this revision; those from now on by default."),
        ]
        | None
    ) = None
