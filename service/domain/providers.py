"""Providers: who offers models."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from service.domain.text import PROVIDER_ID, URL
from service.domain.values import Record, Timestamp

ProviderId = Annotated[str, Meta(pattern=PROVIDER_ID, examples=["anthropic"])]
Name = Annotated[str, Meta(min_length=1, max_length=300)]
Url = Annotated[str, Meta(pattern=URL, max_length=2000)]


class Provider(Record, frozen=True, kw_only=True):
    """A company or host that offers models through an API."""

    id: Annotated[str, Meta(description="Short name, the first part of a model's id.")]
    name: str
    website: str | None
    api_docs_url: str | None
    created_at: Timestamp
    updated_at: Timestamp


class ProviderSummary(Provider, frozen=True, kw_only=True):
    """A provider and how many models it offers."""

    model_count: Annotated[int, Meta(description="Models offered, deprecated ones included.")]
    deprecated_model_count: Annotated[int, Meta(description="Of those, the deprecated ones.")]


class ProviderRow(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider as a pipeline writes it. A member left out keeps its stored value."""

    id: ProviderId
    name: Name
    website: Url | None | UnsetType = UNSET
    api_docs_url: Url | None | UnsetType = UNSET
