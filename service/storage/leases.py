"""Which process of all does what one alone may do, and until when."""

from __future__ import annotations

import datetime

from service.domain.values import Timestamp, timestamp
from service.storage.database import Database, Statement


async def hold(db: Database, table: str, holder: str, now: Timestamp, until: Timestamp) -> bool:
    """Become the holder, or stay it, up to a moment; False where another one is.

    A lease that ends later than any that is given now is of a clock that has gone back since.
    """
    begin, end = map(datetime.datetime.fromisoformat, (now, until))
    longest = timestamp(end + (end - begin))  # processes read the clock apart
    [done] = await db.batch(
        Statement(
            f"{table}.hold",
            f"""
            UPDATE {table} SET holder = :holder, held_until = :until
            WHERE id = 1 AND (holder = :holder OR held_until <= :now OR held_until > :longest)
            """,
            {"holder": holder, "now": now, "until": until, "longest": longest},
        )
    )
    return done.affected > 0


async def release(db: Database, table: str, holder: str) -> None:
    """Let another process have it at once."""
    sql = f"UPDATE {table} SET held_until = '' WHERE holder = :holder"
    await db.batch(Statement(f"{table}.release", sql, {"holder": holder}))
