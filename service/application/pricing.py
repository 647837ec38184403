"""Reading prices over time."""

from __future__ import annotations

from service.application.answers import page
from service.domain.answers import Answer
from service.domain.pricing import Price
from service.domain.queries import PriceFilter, PriceQuery
from service.errors import InvalidRequest
from service.storage import pricing as stored
from service.storage.database import Database
from service.storage.snapshot import Snapshot


async def list_prices(reader: Database, query: PriceQuery) -> Answer[list[Price]]:
    """A page of prices, newest first; with `knownAt` as the service believed them to be then."""
    if query.known_at is None:
        prices, total, snapshot = await stored.page(reader, query)
    else:
        known, snapshot = await believed(reader, query)
        start, total = (query.page - 1) * query.page_size, len(known)
        prices = known[start : start + query.page_size]
    return page(prices, snapshot, total=total, page=query.page, page_size=query.page_size)


async def believed(reader: Database, wanted: PriceFilter) -> tuple[list[Price], Snapshot]:
    """The prices of a model as the service believed them to be at `knownAt`, newest first."""
    if wanted.model is None:
        raise InvalidRequest("knownAt needs model: what was believed is told of one model")
    return await stored.believed(reader, wanted)
