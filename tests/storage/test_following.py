"""Following the log in bounded steps, and the lease without which no delivery is written down."""

from __future__ import annotations

import datetime

import msgspec
import pytest

from service.domain.queries import ChangeFilter
from service.domain.values import timestamp
from service.domain.webhooks import Delivery, Webhook
from service.errors import Conflict
from service.storage import changes, deliveries, webhooks
from service.storage.database import Database
from service.storage.deliveries import Runner
from service.storage.status import snapshot

pytestmark = pytest.mark.anyio

NOW = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
FIRST, OTHER = Runner("first", timestamp(NOW)), Runner("other", timestamp(NOW))


def after(seconds: float) -> str:
    return timestamp(NOW + datetime.timedelta(seconds=seconds))


@pytest.mark.parametrize("span", [1, 7, 10_000])
@pytest.mark.parametrize("limit", [1, 10])
async def test_steps_cover_the_log(
    seeded: Database, span: int, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = ChangeFilter(table=("pricing",), kind=("price_added", "price_changed"))
    whole = (await changes.after(seeded, wanted, 0, 1000)).changes
    newest = (await snapshot(seeded)).revision
    monkeypatch.setattr(changes, "SPAN", span)
    found, position = [], 0
    while position < newest:
        step = await changes.after(seeded, wanted, position, limit)
        assert position < step.revision <= min(position + span, newest)
        assert len(step.changes) <= limit
        found += step.changes
        position = step.revision
    assert found == whole
    assert whole


async def test_a_position_never_goes_back(seeded: Database) -> None:
    """A replica may know less than whoever asks it."""
    newest = (await snapshot(seeded)).revision
    for since in (newest, newest + 5):
        assert await changes.after(seeded, ChangeFilter(), since, 10) == ([], since)


async def test_nothing_is_written_down_without_the_lease(seeded: Database) -> None:
    webhook = Webhook(
        id="w", url="https://example.com", tables=(), kinds=(), model_id=None, position=0,
        created_at=FIRST.now, delivered_at=None, failing_since=None, paused_at=None,
    )  # fmt: skip
    await webhooks.create(seeded, webhook, "secret")
    before = await webhooks.find(seeded, "w")
    assert before
    position = before.webhook.position
    delivery = Delivery(
        id="d", webhook_id="w", after_revision=position, through_revision=position + 1, events=1,
        attempts=0, status=None, error=None, started_at=FIRST.now, next_attempt_at=None,
        delivered_at=None,
    )  # fmt: skip

    assert await deliveries.hold(seeded, OTHER, after(10))
    assert not await deliveries.hold(seeded, FIRST, after(10))
    assert not await deliveries.begin(seeded, FIRST, delivery)
    assert not await deliveries.skip(seeded, FIRST, "w", position, position + 1)
    assert await webhooks.find(seeded, "w") == before
    assert await deliveries.begin(seeded, OTHER, delivery)
    with pytest.raises(Conflict):
        await deliveries.begin(seeded, OTHER, msgspec.structs.replace(delivery, id="e"))
    begun = await webhooks.find(seeded, "w")
    assert not await deliveries.delivered(seeded, FIRST, delivery, 200)
    assert not await deliveries.failed(seeded, FIRST, delivery, 500, "x", after(1), after(1))
    late = Runner("other", after(11))
    assert not await deliveries.delivered(seeded, late, delivery, 200), "its time is over"
    assert await webhooks.find(seeded, "w") == begun
    assert await deliveries.hold(seeded, Runner("first", after(11)), after(20))
    assert await deliveries.delivered(seeded, Runner("first", after(12)), delivery, 200)
    done = await webhooks.find(seeded, "w")
    assert done
    assert (done.webhook.position, done.pending) == (position + 1, None)
    assert not await deliveries.delivered(seeded, Runner("first", after(12)), delivery, 200), "once"
    await deliveries.release(seeded, Runner("other", after(13)))
    assert not await deliveries.hold(seeded, Runner("other", after(13)), after(30)), (
        "not its to give"
    )
    await deliveries.release(seeded, Runner("first", after(13)))
    assert await deliveries.hold(seeded, Runner("other", after(13)), after(30))
    assert not await deliveries.hold(seeded, FIRST, after(20)), "a second apart at most"
    assert await deliveries.hold(seeded, FIRST, after(10)), "the clock has gone back"
