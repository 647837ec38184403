"""What every write transaction begins and ends with."""

from __future__ import annotations

import datetime
from typing import Final, NamedTuple, cast

from service.domain.values import timestamp
from service.errors import Conflict
from service.storage.database import Database, Result, Statement


class Author(NamedTuple):
    """Who writes, when, and in which run: what the change log will say."""

    actor: str
    now: datetime.datetime
    run_id: str | None = None

    @property
    def moment(self) -> str:
        """`now` as it is stored."""
        return timestamp(self.now)

    @property
    def today(self) -> str:
        """The day in UTC as it is stored."""
        return self.now.astimezone(datetime.UTC).date().isoformat()


_BEGIN = """
    UPDATE catalog_state SET actor = :actor, run_id = :run_id, now = :now, price_day = :today
    WHERE id = 1
"""
_END = Statement(
    "write.end", "UPDATE catalog_state SET actor = 'sql', run_id = NULL, now = NULL WHERE id = 1"
)
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
            "now": author.moment,
            "today": author.today,
        },
    )
    results = await db.batch(begin, *statements, _END, _REVISION)
    return cast(int, results[-1].rows[0][0]), results[1:-2]


class Once(NamedTuple):
    """A request that has one effect however often it is sent: its `Idempotency-Key` and hash."""

    key: str
    request_hash: str


_KEY_COLUMNS: Final = ["idempotency_keys.actor", "idempotency_keys.key"]


def claim(once: Once | None, author: Author, target: str) -> list[Statement]:
    """The first statement of such a request: breaks the transaction where the key was used."""
    if once is None:
        return []
    return [
        Statement(
            "write.claim",
            """
            INSERT INTO idempotency_keys (actor, key, request_hash, target, created_at)
            VALUES (:actor, :key, :request_hash, :target, :now)
            """,
            {**once._asdict(), "actor": author.actor, "target": target, "now": author.moment},
        )
    ]


async def claimed(db: Database, once: Once | None, author: Author, error: Conflict) -> str:
    """What the first request with the key made; raises `error` where that is not what it means.

    Raises `Conflict` where the key was used for another request.
    """
    names = error.details.get("names") if isinstance(error.details, dict) else None
    if once is None or names != _KEY_COLUMNS:
        raise error
    [[(request_hash, target)]] = await db.fetch(
        Statement(
            "write.claimed",
            "SELECT request_hash, target FROM idempotency_keys WHERE actor = :actor AND key = :key",
            {"actor": author.actor, "key": once.key},
        )
    )
    if request_hash != once.request_hash:
        raise Conflict(
            f"Idempotency-Key {once.key!r} was used for another request: choose a new one"
        )
    return cast(str, target)
