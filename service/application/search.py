"""Search over models and providers."""

from __future__ import annotations

import datetime

from service.application.answers import at_todays_prices, page
from service.domain.answers import Answer
from service.domain.queries import SearchQuery
from service.domain.search import Match
from service.domain.text import fold
from service.errors import InvalidRequest
from service.storage import search as stored
from service.storage.database import Database

WORDS = 12


async def search(
    reader: Database, query: SearchQuery, *, today: datetime.date
) -> Answer[list[Match]]:
    """A page of matches, the best first."""
    words = fold(query.q).split()
    if not 1 <= len(words) <= WORDS:
        raise InvalidRequest(f"q is 1 to {WORDS} words, not {len(words)}")
    found = await at_todays_prices(lambda as_of: stored.page(reader, query, as_of), None, today)
    return page(
        found.matches, found.snapshot, total=found.total, page=query.page, page_size=query.page_size
    )
