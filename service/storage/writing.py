"""What every write transaction begins and ends with."""

from __future__ import annotations

import datetime
from typing import NamedTuple, cast

from service.domain.values import timestamp
from service.storage.database import Database, Result, Statement


class Author(NamedTuple):
    """Who writes, when, and in which run: what the change log will say."""

    actor: str
    now: datetime.datetime
    run_id: str | None = None


_BEGIN = """
    UPDATE catalog_state SET actor = :actor, run_id = :run_id, now = :now, price_day = :today
    WHERE id = 1
"""
_END = "UPDATE catalog_state SET actor = 'sql', run_id = NULL, now = NULL WHERE id = 1"
_REVISION = Statement("write.revision", "SELECT coalesce(max(revision), 0) FROM changes")


async def write(db: Database, author: Author, *statements: Statement) -> tuple[int, list[Result]]:
    """Run statements in one transaction in the author's name: all or nothing.

    Returns the newest revision after it and what each statement did. The first write of a day
    brings prices that were dated ahead into force. Raises as `Database.batch` does.
    """
    begin = Statement(
        "write.begin",
        _BEGIN,
        {
            "actor": author.actor,
            "run_id": author.run_id,
            "now": timestamp(author.now),
            "today": author.now.astimezone(datetime.UTC).date().isoformat(),
        },
    )
    results = await db.batch(begin, *statements, Statement("write.end", _END), _REVISION)
    return cast(int, results[-1].rows[0][0]), results[1:-2]
