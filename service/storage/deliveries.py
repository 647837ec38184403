"""What the one process that delivers writes down: each statement holds only while it is the one.

A lease in the database says which process that is. A process that was away for too long finds that
its statements do nothing any more.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from service.domain.values import Timestamp
from service.domain.webhooks import Delivery
from service.storage import leases
from service.storage.database import Database, Statement, Value
from service.storage.webhooks import KEPT

_MINE: Final = """EXISTS (
    SELECT 1 FROM webhook_runner WHERE holder = :runner AND held_until > :now
)"""


class Runner(NamedTuple):
    """A process that delivers, at a moment."""

    name: str
    now: Timestamp

    @property
    def params(self) -> dict[str, Value]:
        """For `_MINE`."""
        return {"runner": self.name, "now": self.now}


async def hold(db: Database, runner: Runner, until: Timestamp) -> bool:
    """Become the one that delivers, or stay it, up to a moment; False where another one is."""
    return await leases.hold(db, "webhook_runner", runner.name, runner.now, until)


async def release(db: Database, runner: Runner) -> None:
    """Let another process deliver at once."""
    await leases.release(db, "webhook_runner", runner.name)


async def begin(db: Database, runner: Runner, delivery: Delivery) -> bool:
    """Write down what is going to be sent, before it is; False where that is not to be."""
    [done] = await db.batch(
        Statement(
            "deliveries.begin",
            f"""
            INSERT INTO webhook_deliveries (
                id, webhook_id, after_revision, through_revision, events, started_at
            )
            SELECT :id, w.id, w.position, :through, :events, :now
            FROM webhooks AS w
            WHERE w.id = :webhook AND w.position = :after AND w.paused_at IS NULL AND {_MINE}
            """,
            runner.params
            | {
                "id": delivery.id,
                "webhook": delivery.webhook_id,
                "after": delivery.after_revision,
                "through": delivery.through_revision,
                "events": delivery.events,
            },
        )
    )
    return done.affected > 0


async def skip(db: Database, runner: Runner, webhook_id: str, after: int, through: int) -> bool:
    """Move a webhook on past changes that it does not want."""
    [done] = await db.batch(_move(runner, webhook_id, after, through))
    return done.affected > 0


async def delivered(db: Database, runner: Runner, delivery: Delivery, status: int) -> bool:
    """Record that a delivery arrived, and move its webhook on; old deliveries are forgotten."""
    params: dict[str, Any] = runner.params | {
        "id": delivery.id,
        "webhook": delivery.webhook_id,
        "status": status,
        "kept": KEPT,
    }
    done, *_ = await db.batch(
        Statement(
            "deliveries.delivered",
            f"""
            UPDATE webhook_deliveries
            SET delivered_at = :now, attempts = attempts + 1, status = :status, error = NULL,
                next_attempt_at = NULL
            WHERE id = :id AND delivered_at IS NULL AND {_MINE}
            """,
            params,
        ),
        _move(
            runner, delivery.webhook_id, delivery.after_revision, delivery.through_revision,
            "delivered_at = :now, failing_since = NULL,",
        ),
        Statement(
            "deliveries.forget",
            """
            DELETE FROM webhook_deliveries
            WHERE webhook_id = :webhook AND delivered_at IS NOT NULL AND started_at < (
                SELECT started_at FROM webhook_deliveries WHERE webhook_id = :webhook
                ORDER BY started_at DESC LIMIT 1 OFFSET :kept
            )
            """,
            params,
        ),
    )  # fmt: skip
    return done.affected > 0


async def failed(
    db: Database,
    runner: Runner,
    delivery: Delivery,
    status: int | None,
    error: str,
    next_attempt_at: Timestamp,
    pause_if_since: Timestamp,
) -> bool:
    """Record a failed attempt; pauses the webhook if all have failed since a moment or longer."""
    params: dict[str, Any] = runner.params | {
        "id": delivery.id,
        "webhook": delivery.webhook_id,
        "status": status,
        "error": error,
        "next": next_attempt_at,
        "limit": pause_if_since,
    }
    done, _ = await db.batch(
        Statement(
            "deliveries.failed",
            f"""
            UPDATE webhook_deliveries
            SET attempts = attempts + 1, status = :status, error = :error, next_attempt_at = :next
            WHERE id = :id AND delivered_at IS NULL AND {_MINE}
            """,
            params,
        ),
        Statement(
            "deliveries.failing",
            f"""
            UPDATE webhooks
            SET failing_since = coalesce(failing_since, :now),
                paused_at = CASE WHEN coalesce(failing_since, :now) <= :limit THEN :now END
            WHERE id = :webhook AND {_MINE}
            """,
            params,
        ),
    )
    return done.affected > 0


def _move(runner: Runner, webhook_id: str, after: int, through: int, also: str = "") -> Statement:
    return Statement(
        "deliveries.move",
        f"""
        UPDATE webhooks SET {also} position = :through
        WHERE id = :webhook AND position = :after AND {_MINE}
        """,
        runner.params | {"webhook": webhook_id, "after": after, "through": through},
    )
