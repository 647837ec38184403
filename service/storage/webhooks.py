"""Webhooks and what they are owed. Writing any of it moves no revision."""

from __future__ import annotations

from typing import Final, NamedTuple, cast

from service.domain.values import Timestamp
from service.domain.webhooks import Delivery, Webhook
from service.storage.database import Database, Statement, Value
from service.storage.mapping import Mapper

WEBHOOK: Final = Mapper(Webhook)
DELIVERY: Final = Mapper(Delivery)
# Deliveries that are kept of each webhook, to look at.
KEPT: Final = 100

_PENDING: Final = (
    "LEFT JOIN webhook_deliveries AS d ON d.webhook_id = w.id AND d.delivered_at IS NULL"
)


class Owed(NamedTuple):
    """A webhook, its secret, and the delivery that is on its way, if any."""

    webhook: Webhook
    secret: str
    pending: Delivery | None


async def create(db: Database, webhook: Webhook, secret: str) -> None:
    """Store a new webhook, to be told of what changes from now on."""
    params: dict[str, Value] = {
        "id": webhook.id,
        "url": webhook.url,
        "secret": secret,
        "tables": ",".join(webhook.tables),
        "kinds": ",".join(webhook.kinds),
        "model": webhook.model_id,
        "now": webhook.created_at,
    }
    await db.batch(
        Statement(
            "webhooks.create",
            """
            INSERT INTO webhooks (id, url, secret, tables, kinds, model_id, position, created_at)
            SELECT :id, :url, :secret, :tables, :kinds, :model, coalesce(max(revision), 0), :now
            FROM changes
            """,
            params,
        )
    )


async def all_of(db: Database) -> list[Owed]:
    """All webhooks in the order of their making."""
    return await _owed(db, "webhooks.list", "TRUE ORDER BY w.created_at, w.id", {})


async def find(db: Database, id: str) -> Owed | None:
    """One webhook."""
    found = await _owed(db, "webhooks.find", "w.id = :id", {"id": id})
    return found[0] if found else None


async def owed(db: Database) -> list[Owed]:
    """Webhooks that are not paused and have something on its way or still to be looked at."""
    condition = """
        w.paused_at IS NULL
        AND (d.id IS NOT NULL OR w.position < (SELECT coalesce(max(revision), 0) FROM changes))
        ORDER BY w.id
    """
    return await _owed(db, "webhooks.owed", condition, {})


async def rewind(db: Database) -> None:
    """Have no webhook wait for revisions that the log does not reach: it is that of a backup."""
    newest = "(SELECT coalesce(max(revision), 0) FROM changes)"
    [[(ahead,)]] = await db.fetch(
        Statement("webhooks.ahead", f"SELECT count(*) FROM webhooks WHERE position > {newest}")
    )
    if ahead:
        sql = f"UPDATE webhooks SET position = {newest} WHERE position > {newest}"
        await db.batch(Statement("webhooks.rewind", sql))


async def remove(db: Database, id: str) -> bool:
    """Forget a webhook and its deliveries; whether there was one."""
    sql = "DELETE FROM webhooks WHERE id = :id"
    [done] = await db.batch(Statement("webhooks.remove", sql, {"id": id}))
    return done.affected > 0


async def resume(db: Database, id: str, now: Timestamp) -> bool:
    """Let a webhook be tried again at once, paused or not; whether there is one."""
    params: dict[str, Value] = {"id": id, "now": now}
    done, _ = await db.batch(
        Statement(
            "webhooks.resume",
            "UPDATE webhooks SET paused_at = NULL, failing_since = NULL WHERE id = :id",
            params,
        ),
        Statement(
            "webhooks.resume_delivery",
            """
            UPDATE webhook_deliveries SET next_attempt_at = :now
            WHERE webhook_id = :id AND delivered_at IS NULL
            """,
            params,
        ),
    )
    return done.affected > 0


async def deliveries(db: Database, webhook_id: str | None, limit: int) -> list[Delivery]:
    """The newest deliveries, of one webhook or of all, the newest first."""
    condition = "TRUE" if webhook_id is None else "d.webhook_id = :webhook"
    params: dict[str, Value] = {} if webhook_id is None else {"webhook": webhook_id}
    [rows] = await db.fetch(
        Statement(
            "webhooks.deliveries",
            f"""
            SELECT {DELIVERY.select("d")} FROM webhook_deliveries AS d WHERE {condition}
            ORDER BY d.started_at DESC, d.through_revision DESC LIMIT :limit
            """,
            params | {"limit": limit},
        )
    )
    return [DELIVERY.read(row) for row in rows]


async def _owed(db: Database, name: str, condition: str, params: dict[str, Value]) -> list[Owed]:
    [rows] = await db.fetch(
        Statement(
            name,
            f"""
            SELECT {WEBHOOK.select("w")}, w.secret, {DELIVERY.select("d")}
            FROM webhooks AS w {_PENDING} WHERE {condition}
            """,
            params,
        )
    )
    return [
        Owed(
            WEBHOOK.read(row),
            cast(str, row[WEBHOOK.width]),
            DELIVERY.read_optional(row, WEBHOOK.width + 1),
        )
        for row in rows
    ]
