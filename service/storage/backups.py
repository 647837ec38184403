"""What came of each backup, and which process makes the next one."""

from __future__ import annotations

from typing import Final, NamedTuple, cast

from service.storage import leases
from service.storage.database import Database, Row, Statement, Value

# Entries that are kept.
_KEPT: Final = 1000


class LastBackup(NamedTuple):
    """When the last good one was begun, with its bytes; and how the last one ended."""

    good_at: str | None
    size: int | None
    started_at: str | None
    error: str | None


LAST: Final = Statement(
    "backups.last",
    """
    SELECT g.started_at, g.size, l.started_at, l.error
    FROM (SELECT max(name) AS good,
        (SELECT max(name) FROM backups WHERE finished_at IS NOT NULL) AS last
        FROM backups WHERE verified_at IS NOT NULL) AS m
    LEFT JOIN backups AS g ON g.name = m.good
    LEFT JOIN backups AS l ON l.name = m.last
    """,
)


async def last(db: Database) -> LastBackup:
    """The last ones; nothing but None where there is none."""
    [rows] = await db.fetch(LAST)
    return read_last(rows)


def read_last(rows: list[Row]) -> LastBackup:
    """From the rows of `LAST`."""
    return LastBackup(*cast("tuple[str, int, str, str | None]", rows[0]))


async def begin(db: Database, name: str, now: str) -> None:
    """Write down that one is being made.

    Entries of later on are forgotten: the clock was ahead, and they would count as the last ones.
    """
    await db.batch(
        Statement("backups.early", "DELETE FROM backups WHERE started_at > :now", {"now": now}),
        Statement(
            "backups.begin",
            "INSERT INTO backups (name, started_at) VALUES (:name, :now)",
            {"name": name, "now": now},
        ),
        Statement(
            "backups.forget",
            f"""
            DELETE FROM backups WHERE name NOT IN
                (SELECT name FROM backups ORDER BY name DESC LIMIT {_KEPT})
            """,
        ),
    )


async def end(db: Database, name: str, now: str, error: str | None, **found: Value) -> None:
    """Write down what came of it."""
    await db.batch(
        Statement(
            "backups.end",
            """
            UPDATE backups SET finished_at = :now, error = :error, size = :size, sha256 = :sha256,
                revision = :revision, verified_at = :verified_at
            WHERE name = :name
            """,
            {"name": name, "now": now, "error": error, **found},
        )
    )


async def hold(db: Database, holder: str, now: str, until: str) -> bool:
    """Become the process that makes backups, or stay it, up to a moment; False for another one."""
    return await leases.hold(db, "backup_runner", holder, now, until)


async def release(db: Database, holder: str) -> None:
    """Let another process make the next one at once."""
    await leases.release(db, "backup_runner", holder)
