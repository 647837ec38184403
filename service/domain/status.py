"""What a service knows of itself."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from service.domain.values import Date, Record


class Counts(Record, frozen=True, kw_only=True):
    """Rows that are offered, per table: what lists and exports show of them in all."""

    providers: int
    models: int
    pricing: int
    benchmarks: int


class Status(Record, frozen=True, kw_only=True):
    """One service and its database."""

    version: Annotated[str, Meta(description="Version of the service.")]
    revision: Annotated[int, Meta(description="Number of the newest change in the database read.")]
    schema_version: str
    engine: Literal["sqlite", "libsql", "postgres"]
    region: str | None
    role: Annotated[
        Literal["primary", "replica"],
        Meta(description="Whether this service reads where writes go, or at a replica of that."),
    ]
    price_day: Annotated[Date, Meta(description="The day whose prices are the current ones.")]
    counts: Counts
    replication_lag: Annotated[
        int | None,
        Meta(description="Revisions that the primary is ahead; null when it cannot be asked."),
    ]
    replication_lag_seconds: Annotated[
        float | None,
        Meta(description="Age of the oldest change that is not here yet, in seconds."),
    ]
