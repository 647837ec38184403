"""Sends webhooks what they are owed: in order, at least once, from one process at a time."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import functools
import logging
import random
import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from service.application.watch import Watch, tags_of
from service.domain.changes import Change
from service.domain.values import timestamp
from service.domain.webhooks import (
    LONGEST_WAIT,
    Delivery,
    Encode,
    Payload,
    new_delivery_id,
    wait_after,
)
from service.errors import ServiceError
from service.metrics import Family, Registry
from service.storage import deliveries, webhooks
from service.storage.changes import Touched, after
from service.storage.database import Database
from service.storage.deliveries import Runner
from service.storage.webhooks import Owed

if TYPE_CHECKING:
    from service.application.posting import Poster

# Changes in one delivery.
BATCH: Final = 100
# Webhooks that are sent to at once.
_AT_ONCE: Final = 16
# Seconds until it looks again for what another process may have put right.
_IDLE: Final = 30.0

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Dispatcher:
    """The part of a process that delivers, while it holds the lease that lets it."""

    writer: Database
    watch: Watch
    clock: Callable[[], datetime.datetime]
    encode: Encode
    poster: Callable[[], Poster]
    # How long nothing but failures may last until a webhook is paused.
    patience: datetime.timedelta
    registry: Registry = field(default_factory=Registry)
    # Seconds that the process may deliver without asking again.
    lease: float = 30.0
    name: str = field(default_factory=lambda: secrets.token_hex(8))
    _attempts: Family = field(init=False)
    _asked: bool = False
    _poster: Poster | None = None
    _sending: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    _finished: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._attempts = self.registry.counter(
            "aicompare_webhook_attempts_total", "Attempts to deliver to a webhook.", "outcome"
        )
        for outcome in ("delivered", "failed"):
            self._attempts.of(outcome)

    async def run(self) -> None:
        """Deliver forever. A database that is away is tried again."""
        away, seen = False, sys.maxsize
        try:
            while True:
                before, seen = seen, -1 if self.watch.revision is None else self.watch.revision
                self._finished.clear()
                try:
                    if seen < before:  # at the start, and where an older database takes its place
                        await webhooks.rewind(self.writer)
                    seconds = await self._round()
                    away = False
                except ServiceError as error:
                    if not away:
                        log.warning("cannot look after webhooks: %s", error.message)
                    away, seconds = True, 1.0
                await self._wait(seen, seconds)
        finally:
            await self._stop()

    async def _round(self) -> float:
        """Send what is due; the seconds until something will be, as far as can be known."""
        now = self.clock()
        owed = await webhooks.owed(self.writer)
        idle = [one for one in owed if one.webhook.id not in self._sending]
        moments = {one.webhook.id: _due(one, now) for one in idle}
        due = [one for one in idle if moments[one.webhook.id] <= now]
        later = [(moment - now).total_seconds() for moment in moments.values() if moment > now]
        if due or self._sending:
            until = timestamp(now + datetime.timedelta(seconds=self.lease))
            self._asked = True  # a stop in the middle of the call may find it done
            if not await deliveries.hold(self.writer, self._me(), until):
                await asyncio.sleep(self.lease / 3)  # another process delivers
                return 0.0
            for one in due:
                task = asyncio.create_task(self._send(one))
                self._sending[one.webhook.id] = task
                task.add_done_callback(functools.partial(self._sent, one.webhook.id))
            return min([*later, self.lease / 3])
        return min([*later, _IDLE])

    async def _send(self, owed: Owed) -> None:
        """Deliver to one webhook until there is nothing more for it, or it fails."""
        webhook, _, pending = owed
        position = webhook.position
        async with self._places:
            while True:
                found = await after(self.writer, webhook.wanted, position, BATCH)
                if pending is None:
                    if found.revision == position:
                        return
                    if not found.changes:
                        if not await deliveries.skip(
                            self.writer, self._me(), webhook.id, position, found.revision
                        ):
                            return
                        position = found.revision
                        continue
                    pending = self._plan(webhook.id, position, found.revision, len(found.changes))
                    if not await deliveries.begin(self.writer, self._me(), pending):
                        return
                # The log may have grown since the delivery was planned: it stays as it was.
                last = pending.through_revision
                events = [one for one in found.changes if one.revision <= last]
                body = self.encode(payload(webhook.id, pending.id, events))
                if not await self._attempt(owed, pending, body):
                    return
                position, pending = last, None

    async def _attempt(self, owed: Owed, delivery: Delivery, body: bytes) -> bool:
        """Whether a delivery arrived and this process may go on."""
        outcome = await self._connected().post(owed.webhook.url, body, owed.secret, delivery.id)
        self._attempts.add("failed" if outcome.error else "delivered")
        if outcome.error is None:
            assert outcome.status is not None
            return await deliveries.delivered(self.writer, self._me(), delivery, outcome.status)
        now = self.clock()
        wait = wait_after(delivery.attempts + 1, random.random())  # noqa: S311
        # What is gone for good says so.
        patience = self.patience if outcome.status != HTTPStatus.GONE else datetime.timedelta()
        log.info("webhook %s: %s", owed.webhook.id, outcome.error)
        await deliveries.failed(
            self.writer,
            Runner(self.name, timestamp(now)),  # of the moment that patience is reckoned from
            delivery,
            outcome.status,
            outcome.error,
            timestamp(now + datetime.timedelta(seconds=wait)),
            timestamp(now - patience),
        )
        return False

    def _plan(self, webhook_id: str, since: int, through: int, events: int) -> Delivery:
        return Delivery(
            id=new_delivery_id(),
            webhook_id=webhook_id,
            after_revision=since,
            through_revision=through,
            events=events,
            attempts=0,
            status=None,
            error=None,
            started_at=timestamp(self.clock()),
            next_attempt_at=None,
            delivered_at=None,
        )

    def _me(self) -> Runner:
        return Runner(self.name, timestamp(self.clock()))

    def _connected(self) -> Poster:
        if self._poster is None:
            self._poster = self.poster()
        return self._poster

    def _sent(self, id: str, task: asyncio.Task[None]) -> None:
        del self._sending[id]
        self._finished.set()
        if not task.cancelled() and (error := task.exception()):
            if isinstance(error, ServiceError):
                log.warning("webhook %s: %s", id, error.message)
            else:
                log.error("webhook %s failed", id, exc_info=error)

    async def _wait(self, seen: int, seconds: float) -> None:
        """Wait for a change, the end of a delivery, or the seconds to pass."""
        waits = (
            asyncio.create_task(self.watch.other(seen, seconds)),
            asyncio.create_task(self._finished.wait()),
        )
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _stop(self) -> None:
        for task in list(self._sending.values()):
            task.cancel()
        await asyncio.gather(*self._sending.values(), return_exceptions=True)
        if self._poster is not None:
            await self._poster.close()
        if self._asked:
            with contextlib.suppress(ServiceError):
                await deliveries.release(self.writer, self._me())


def _due(owed: Owed, now: datetime.datetime) -> datetime.datetime:
    if owed.pending is None or owed.pending.next_attempt_at is None:
        return now
    moment = datetime.datetime.fromisoformat(owed.pending.next_attempt_at)
    # Nobody waits longer: the clock has gone back since.
    return now if (moment - now).total_seconds() > LONGEST_WAIT else moment


def payload(id: str, delivery_id: str, events: Sequence[Change]) -> Payload:
    """What is sent to a webhook."""
    touched = (Touched(one.table, one.id, one.model_id) for one in events)
    return Payload(
        webhook=id, delivery_id=delivery_id, events=list(events), tags=sorted(tags_of(touched))
    )
