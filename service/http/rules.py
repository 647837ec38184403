"""Rules between parameters of one query; what a single one may hold, its type says."""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import Final

import msgspec

from service.domain.models import ModelDetail
from service.domain.queries import (
    CompareQuery,
    ModelDetailQuery,
    ModelFilter,
    ModelListing,
    ModelQuery,
    PriceFilter,
    Query,
)
from service.errors import InvalidRequest
from service.http.words import unknown

# Decimals that are prices; scores may be below zero.
NOT_NEGATIVE: Final = ("maxInputPrice", "maxOutputPrice")


def check(query: Query) -> None:
    """Raise `InvalidRequest` where parameters contradict each other."""
    match query:
        case ModelFilter():
            _check_models(query)
        case ModelDetailQuery():
            _check_fields(query.fields, {*query.include, "pricing"})
        case PriceFilter():
            _check_prices(query)
        case CompareQuery():
            _check_workload(query)


def members(kind: type[msgspec.Struct]) -> dict[str, str]:
    """Fields of a struct by their names in JSON."""
    return dict(zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True))


model_members = functools.cache(functools.partial(members, ModelDetail))


def _check_models(query: ModelFilter) -> None:
    if query.min_score is not None and query.benchmark is None:
        raise InvalidRequest("minScore needs benchmark: the one whose score is meant")
    if (
        query.released_after
        and query.released_before
        and query.released_after > query.released_before
    ):
        raise InvalidRequest(
            f"releasedAfter ({query.released_after}) must not be later than "
            f"releasedBefore ({query.released_before})"
        )
    if isinstance(query, ModelListing):
        keys = [key.removeprefix("-") for key in query.sort]
        if "score" in keys and query.benchmark is None:
            raise InvalidRequest("sort=score needs benchmark: the one whose score is meant")
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise InvalidRequest(f"sort names {twice} more than once")
    if isinstance(query, ModelQuery):
        _check_fields(query.fields, query.include)


def _check_fields(fields: tuple[str, ...], include: Collection[str]) -> None:
    for name in fields:
        if name not in model_members():
            raise InvalidRequest(f"fields: {unknown('member', name, model_members())}")
        if name in ("benchmarks", "history", "pricing") and name not in include:
            raise InvalidRequest(f"fields names {name}, which needs include={name}")


def _check_prices(query: PriceFilter) -> None:
    if query.as_of and (query.from_ or query.to):
        raise InvalidRequest("asOf is one day and from, to are a range: give one or the other")
    if query.from_ and query.to and query.from_ > query.to:
        raise InvalidRequest(f"from ({query.from_}) must not be later than to ({query.to})")


def _check_workload(query: CompareQuery) -> None:
    if (query.cached_input_tokens or 0) > (query.input_tokens or 0):
        raise InvalidRequest(
            "cachedInputTokens is a part of inputTokens: it must not be the larger of the two"
        )
