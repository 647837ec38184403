"""Reading the change log."""

from __future__ import annotations

from typing import Final

from service.application.answers import page
from service.domain.answers import Answer
from service.domain.changes import Change, ChangeKind, Table
from service.domain.queries import ChangeQuery
from service.storage import changes as stored
from service.storage.database import Database

_PRICE_KINDS: Final[tuple[ChangeKind, ...]] = (
    *("price_added", "price_changed", "price_corrected", "price_effective"),
)


async def list_changes(reader: Database, query: ChangeQuery) -> Answer[list[Change]]:
    """Changes after a revision, oldest first; `total` counts those not on this page too."""
    found = await stored.page(reader, query)
    return page(found.changes, found.snapshot, total=found.total, page=1, page_size=query.limit)


async def newest_changes(reader: Database, query: ChangeQuery) -> Answer[list[Change]]:
    """The same, newest first: those before the page are the older ones."""
    found = await stored.page(reader, query, newest_first=True)
    return page(found.changes, found.snapshot, total=found.total, page=1, page_size=query.limit)


async def newest_price_changes(reader: Database, limit: int = 100) -> Answer[list[Change]]:
    """Prices that are new, corrected or came into force, the newest first."""
    return await newest_changes(reader, ChangeQuery(limit=limit, kind=_PRICE_KINDS))


async def last_change(reader: Database, table: Table, id: str) -> Change | None:
    """The newest change of a row; None where nothing ever changed it."""
    return await stored.newest_of(reader, table, id)
