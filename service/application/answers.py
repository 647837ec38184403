"""From what storage found to an answer."""

from __future__ import annotations

import datetime
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from msgspec import UNSET

from service.domain.answers import Answer, AnswerMeta
from service.storage.snapshot import Snapshot

T = TypeVar("T")


class Dated(Protocol):
    """Whatever storage found, with the state that it was read from."""

    @property
    def snapshot(self) -> Snapshot:
        """The state of the catalogue."""
        ...


D = TypeVar("D", bound=Dated)


async def at_todays_prices(
    read: Callable[[datetime.date | None], Awaitable[D]],
    as_of: datetime.date | None,
    today: datetime.date,
) -> D:
    """Read at the prices of `as_of`, or of today.

    `read` takes None for the prices that the listing holds, which are those of one day. Should that
    not be today, since no write has moved it on after midnight yet, today's are looked up in the
    history instead, at a second round trip.
    """
    if as_of not in (None, today):
        return await read(as_of)
    found = await read(None)
    if found.snapshot.price_day != today.isoformat():
        found = await read(today)
    return found


def one(data: T, snapshot: Snapshot) -> Answer[T]:
    """An answer of a single thing."""
    return page(data, snapshot, total=1, page=1, page_size=1)


def page(
    data: T,
    snapshot: Snapshot,
    *,
    total: int,
    page: int,
    page_size: int,
    facets: dict[str, dict[str, int]] | None = None,
) -> Answer[T]:
    """An answer of a page of things."""
    return Answer(
        data=data,
        meta=AnswerMeta(
            total=total,
            page=page,
            page_size=page_size,
            last_updated=snapshot.changed_at,
            revision=snapshot.revision,
            facets=facets or UNSET,
        ),
    )


def written(data: T, revision: int, changed_at: str | None) -> Answer[T]:
    """The answer to a write: its outcome, and the revision from which on it can be read."""
    meta = AnswerMeta(total=1, page=1, page_size=1, last_updated=changed_at, revision=revision)
    return Answer(data=data, meta=meta)
