"""Reading benchmark scores."""

from __future__ import annotations

import datetime

from service.application.answers import at_todays_prices, page
from service.domain.answers import Answer
from service.domain.benchmarks import RankedScore
from service.domain.queries import ScoreQuery
from service.storage import benchmarks as stored
from service.storage.database import Database


async def list_scores(
    reader: Database, query: ScoreQuery, *, today: datetime.date
) -> Answer[list[RankedScore]]:
    """A page of scores; with `name` the ranking of that benchmark."""
    found = await at_todays_prices(lambda as_of: stored.page(reader, query, as_of), None, today)
    return page(
        found.scores, found.snapshot, total=found.total, page=query.page, page_size=query.page_size
    )
