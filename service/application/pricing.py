"""Reading prices over time."""

from __future__ import annotations

from service.application.answers import page
from service.domain.answers import Answer
from service.domain.pricing import Price
from service.domain.queries import PriceQuery
from service.errors import InvalidRequest
from service.storage import pricing as stored
from service.storage.database import Database


async def list_prices(reader: Database, query: PriceQuery) -> Answer[list[Price]]:
    """A page of prices, newest first; with `knownAt` as the service believed them to be then."""
    if query.known_at is None:
        found = await stored.page(reader, query)
    elif query.model is None:
        raise InvalidRequest("knownAt needs model: what was believed is told of one model")
    else:
        found = await stored.believed(reader, query)
    return page(
        found.prices, found.snapshot, total=found.total, page=query.page, page_size=query.page_size
    )
