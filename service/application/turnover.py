"""A new day: prices that were dated ahead come into force."""

from __future__ import annotations

import datetime

from service.storage.database import Database
from service.storage.status import snapshot
from service.storage.writing import Author, write


async def turn_over(writer: Database, now: datetime.datetime) -> bool:
    """Move the day of the current prices on to today's in UTC; whether that was needed.

    Any write does so by itself: this is for days on which nobody writes. Each price that comes
    into force is logged as `price_effective`.
    """
    if (await snapshot(writer)).price_day == now.astimezone(datetime.UTC).date().isoformat():
        return False
    await write(writer, Author("clock", now))
    return True
