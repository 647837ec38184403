"""What the service knows of itself."""

from __future__ import annotations

import contextlib
import datetime

import service
from service.application.answers import one
from service.domain.answers import Answer
from service.domain.status import Status
from service.errors import Unavailable
from service.storage import status as stored
from service.storage.database import Database


async def get_status(
    reader: Database,
    primary: Database | None = None,
    *,
    now: datetime.datetime,
    region: str | None = None,
    leads: bool = True,
) -> Answer[Status]:
    """Counts and revision of the database that is read.

    `primary` is the database that is written to, where that is another one and known; `leads` says
    whether writes are made in this region. The lag is how far ahead that database is: None while it
    is away, or not known.
    """
    found = await stored.get(reader)
    replica = primary is not None or not leads
    lag: int | None = None if replica else 0
    seconds: float | None = None if replica else 0.0
    if primary is not None:
        with contextlib.suppress(Unavailable):
            lag, since = await stored.behind(primary, found.snapshot.revision)
            seconds = age(since, now)
    status = Status(
        version=service.__version__,
        revision=found.snapshot.revision,
        schema_version=found.schema_version,
        engine=reader.engine,
        region=region,
        role="replica" if replica else "primary",
        price_day=found.snapshot.price_day,
        counts=found.counts,
        replication_lag=lag,
        replication_lag_seconds=seconds,
    )
    return one(status, found.snapshot)


def age(since: str | None, now: datetime.datetime) -> float:
    """Seconds since a moment; 0 where there is none."""
    if since is None:
        return 0.0
    return max(0.0, (now - datetime.datetime.fromisoformat(since)).total_seconds())
