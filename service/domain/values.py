"""Types that all structs share. Dates and timestamps are ISO 8601 text in UTC, as stored."""

from __future__ import annotations

import datetime
from typing import Annotated

from msgspec import Meta, Struct

Date = Annotated[
    str,
    Meta(
        description="Calendar day in UTC, `YYYY-MM-DD`.",
        examples=["2025-09-29"],
        extra_json_schema={"format": "date"},
    ),
]
Timestamp = Annotated[
    str,
    Meta(
        description="Moment in UTC, RFC 3339 with milliseconds.",
        examples=["2026-11-22T21:54:00.000Z"],
        extra_json_schema={"format": "date-time"},
    ),
]


class Record(Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of the structs that cross a boundary: immutable, camelCase in JSON."""


def timestamp(moment: datetime.datetime) -> Timestamp:
    """The text of an aware datetime."""
    utc = moment.astimezone(datetime.UTC)
    return utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")
