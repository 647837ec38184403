"""Webhooks: added, listed, tried out, removed. What they are sent is in `dispatch`."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from service.application.dispatch import payload
from service.domain.queries import ChangeFilter
from service.domain.values import timestamp
from service.domain.webhooks import (
    Delivery,
    Encode,
    Webhook,
    new_delivery_id,
    new_id,
    new_secret,
)
from service.errors import NotFound
from service.storage import webhooks as stored
from service.storage.database import Database
from service.storage.webhooks import Owed

if TYPE_CHECKING:
    from service.application.posting import Outcome, Poster


async def add(
    writer: Database, url: str, wanted: ChangeFilter, now: datetime.datetime, *, anywhere: bool
) -> tuple[Webhook, str]:
    """Tell a URL of what changes from now on; returns its secret too, which is shown just once.

    The secret is stored as it is, since it signs: whoever reads the database can sign as well.
    Raises `InvalidRequest` for a URL that nothing is sent to; `anywhere` allows private addresses
    and plain http.
    """
    # Imported when there is a webhook: it costs a start some time and memory.
    from service.application.posting import check_address, check_url

    check_url(url, anywhere=anywhere)
    if not anywhere:
        await check_address(url)
    webhook = Webhook(
        id=new_id(),
        url=url,
        tables=wanted.table,
        kinds=wanted.kind,
        model_id=wanted.model,
        position=0,
        created_at=timestamp(now),
        delivered_at=None,
        failing_since=None,
        paused_at=None,
    )
    secret = new_secret()
    await stored.create(writer, webhook, secret)
    return webhook, secret


async def list_webhooks(reader: Database) -> list[Owed]:
    """All webhooks, each with the delivery that is on its way."""
    return await stored.all_of(reader)


async def list_deliveries(reader: Database, id: str | None, limit: int) -> list[Delivery]:
    """The newest deliveries, of one webhook or of all."""
    if id is not None:
        await _find(reader, id)
    return await stored.deliveries(reader, id, limit)


async def remove(writer: Database, id: str) -> None:
    """Tell a webhook nothing more, not even what is on its way. Raises `NotFound`."""
    if not await stored.remove(writer, id):
        raise _missing(id)


async def resume(writer: Database, id: str, now: datetime.datetime) -> None:
    """Try a webhook again at once, from where it was paused. Raises `NotFound`."""
    if not await stored.resume(writer, id, timestamp(now)):
        raise _missing(id)


async def test(reader: Database, id: str, poster: Poster, encode: Encode) -> Outcome:
    """Send a body without events, whatever the state of the webhook. Raises `NotFound`."""
    found = await _find(reader, id)
    delivery_id = new_delivery_id()
    body = encode(payload(id, delivery_id, []))
    return await poster.post(found.webhook.url, body, found.secret, delivery_id)


async def _find(reader: Database, id: str) -> Owed:
    if found := await stored.find(reader, id):
        return found
    raise _missing(id)


def _missing(id: str) -> NotFound:
    return NotFound(f"there is no webhook {id}: `aicompare webhook list` has them")
