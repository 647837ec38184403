"""What a database tells of itself for monitoring: a few counts, in one round trip."""

from __future__ import annotations

from typing import NamedTuple, cast

from service.domain.status import Counts
from service.storage import backups, status
from service.storage.database import Database, Statement


class RunFigures(NamedTuple):
    """Runs with one outcome: how many, and when the last one ended."""

    status: str
    number: int
    completed_at: str | None


class WebhookFigures(NamedTuple):
    """Webhooks, those of them that fail and that are paused, deliveries on their way."""

    webhooks: int
    failing: int
    paused: int
    pending: int


class Figures(NamedTuple):
    """All of it."""

    counts: Counts
    schema_version: str
    revision: int
    changed_at: str | None
    runs: list[RunFigures]
    held: int
    locks: int
    backup: backups.LastBackup


async def figures(db: Database) -> Figures:
    """Counted in one round trip. Raises `Unavailable` as a database does."""
    runs, counts, backup, *found = await db.fetch(
        Statement(
            "figures.runs",
            """
            SELECT status, count(*), max(completed_at) FROM pipeline_runs
            GROUP BY status ORDER BY status
            """,
        ),
        Statement(
            "figures.counts",
            """
            SELECT (SELECT count(*) FROM held_prices WHERE status = 'pending'),
                (SELECT count(*) FROM locks)
            """,
        ),
        backups.LAST,
        *status.STATUS,
    )
    state = status.read(found)
    held, locks = cast("tuple[int, int]", counts[0])
    return Figures(
        counts=state.counts,
        schema_version=state.schema_version,
        revision=state.snapshot.revision,
        changed_at=state.snapshot.changed_at,
        runs=[RunFigures(*cast("tuple[str, int, str | None]", row)) for row in runs],
        held=held,
        locks=locks,
        backup=backups.read_last(backup),
    )


async def webhook_figures(db: Database) -> WebhookFigures:
    """The same of webhooks, whose table a reader need not see. Raises as `figures` does."""
    (rows,) = await db.fetch(
        Statement(
            "figures.webhooks",
            """
            SELECT (SELECT count(*) FROM webhooks),
                (SELECT count(*) FROM webhooks WHERE failing_since IS NOT NULL),
                (SELECT count(*) FROM webhooks WHERE paused_at IS NOT NULL),
                (SELECT count(*) FROM webhook_deliveries WHERE delivered_at IS NULL)
            """,
        )
    )
    return WebhookFigures(*cast("tuple[int, int, int, int]", rows[0]))
