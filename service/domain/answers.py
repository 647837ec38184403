"""The envelope: every answer is data and the facts about it."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from msgspec import UNSET, Meta, UnsetType

from service.domain.values import Record, Timestamp

T = TypeVar("T")


class AnswerMeta(Record, frozen=True, kw_only=True):
    """Facts about an answer; null where they do not apply, as in an error."""

    total: Annotated[int | None, Meta(description="Rows that match, on all pages.")] = None
    page: int | None = None
    page_size: int | None = None
    last_updated: Annotated[
        Timestamp | None, Meta(description="When the newest change was recorded.")
    ] = None
    revision: Annotated[
        int | None, Meta(description="Number of the newest change that this answer knows.")
    ] = None
    facets: Annotated[
        dict[str, dict[str, int]] | UnsetType,
        Meta(description="Counts per value under the same filters, for each facet asked for."),
    ] = UNSET


class Answer(Record, Generic[T], frozen=True, kw_only=True):
    """What a use case returns and the HTTP layer encodes as it is."""

    data: T
    meta: AnswerMeta
