"""The whole catalogue in one document."""

from __future__ import annotations

import datetime

from service.application.answers import at_todays_prices, one
from service.domain.answers import Answer
from service.domain.catalog import Catalog
from service.storage import catalog as stored
from service.storage.database import Database


async def get_catalog(reader: Database, *, today: datetime.date) -> Answer[Catalog]:
    """All providers and models with their current prices."""
    found = await at_todays_prices(lambda as_of: stored.get(reader, as_of), None, today)
    return one(found.catalog, found.snapshot)
