"""Sessions and attempts to sign in. Writing them moves no revision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, cast

from service.domain.tokens import Scope
from service.storage.database import Database, Statement
from service.storage.selection import one_of

# Milliseconds that two processes may read the clock apart, at least.
_APART: Final = 60_000


class Found(NamedTuple):
    """A session, and the token it was made with (None for the environment's)."""

    id: str
    expires_at: str
    name: str | None
    scope: Scope | None


async def create(db: Database, id: str, token_id: str | None, now: str, expires_at: str) -> None:
    """Store a new session, and forget those that are over."""
    await db.batch(
        Statement(
            "sessions.create",
            """
            INSERT INTO sessions (id, token_id, created_at, expires_at)
            VALUES (:id, :token_id, :now, :expires_at)
            """,
            {"id": id, "token_id": token_id, "now": now, "expires_at": expires_at},
        ),
        Statement("sessions.forget", "DELETE FROM sessions WHERE expires_at <= :now", {"now": now}),
    )


async def find(db: Database, ids: Sequence[str], now: str) -> Found | None:
    """The session with one of these ids, if neither it nor its token is over."""
    marks, params = one_of("id", tuple(ids))
    [rows] = await db.fetch(
        Statement(
            "sessions.find",
            f"""
            SELECT s.id, s.expires_at, t.name, t.scope
            FROM sessions AS s LEFT JOIN tokens AS t ON t.id = s.token_id
            WHERE s.id IN ({marks}) AND s.expires_at > :now AND t.revoked_at IS NULL
                AND (t.expires_at IS NULL OR t.expires_at > :now)
            """,
            {**params, "now": now},
        )
    )
    return Found(*cast("tuple[str, str, str | None, Scope | None]", rows[0])) if rows else None


async def delete(db: Database, ids: Sequence[str]) -> None:
    """End the session with one of these ids."""
    marks, params = one_of("id", tuple(ids))
    sql = f"DELETE FROM sessions WHERE id IN ({marks})"
    await db.batch(Statement("sessions.delete", sql, params))


async def attempt(db: Database, buckets: Sequence[str], now: int, cost: int, most: int) -> int:
    """Count an attempt for each bucket; milliseconds until it may be made, 0 for now.

    Each takes `cost` milliseconds of a bucket's time; `most` may be taken ahead. Many at once are
    counted one by one: nothing is read before it is written. What is taken further ahead than that
    was taken by a clock that has gone back since.
    """
    latest = now + most + _APART
    count = [
        Statement(
            "sessions.attempt",
            """
            INSERT INTO sign_in_attempts AS a (bucket, busy_until)
            VALUES (:bucket, CAST(:now AS BIGINT) + :cost)
            ON CONFLICT (bucket) DO UPDATE SET busy_until = :cost
                + CASE WHEN a.busy_until > :now AND a.busy_until <= :latest THEN a.busy_until
                    ELSE CAST(:now AS BIGINT) END
            WHERE a.busy_until + :cost <= CAST(:now AS BIGINT) + :most OR a.busy_until > :latest
            """,
            {"bucket": bucket, "now": now, "cost": cost, "most": most, "latest": latest},
        )
        for bucket in buckets
    ]
    marks, params = one_of("bucket", tuple(buckets))
    busy = Statement(
        "sessions.busy",
        f"SELECT max(busy_until) FROM sign_in_attempts WHERE bucket IN ({marks})",
        params,
    )
    *counted, found = await db.batch(*count, busy)
    if all(result.affected for result in counted):
        return 0
    return max(1, cast(int, found.rows[0][0]) + cost - now - most)


async def forgive(db: Database, buckets: Sequence[str]) -> None:
    """Forget the attempts of buckets: one of them was good."""
    marks, params = one_of("bucket", tuple(buckets))
    sql = f"DELETE FROM sign_in_attempts WHERE bucket IN ({marks})"
    await db.batch(Statement("sessions.forgive", sql, params))
