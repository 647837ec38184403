"""Locks: what a person set by hand, ingest leaves alone."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from service.domain.changes import Table
from service.domain.queries import Id, Page, PageSize, Query
from service.domain.values import Record, Timestamp


class Lock(Record, frozen=True, kw_only=True):
    """A field that ingest does not write."""

    table: Table
    id: Annotated[str, Meta(description="Key of the row.")]
    field: Annotated[str, Meta(description="Name of the field in the API.")]
    actor: Annotated[str, Meta(description="Who set it.")]
    locked_at: Timestamp


class LockQuery(Query, frozen=True, kw_only=True):
    """`GET /v1/locks`."""

    table: Table | None = None
    id: Annotated[Id | None, Meta(description="Key of one row.")] = None
    page: Page = 1
    page_size: PageSize = 100
