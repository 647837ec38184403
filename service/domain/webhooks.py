"""Webhooks: who is told of changes, what is sent, how it is signed and when it is tried again."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Annotated, Any, Final

from msgspec import Meta

from service.domain.changes import Change, ChangeKind, Table
from service.domain.queries import ChangeFilter
from service.domain.values import Record, Timestamp

# How a body becomes JSON.
Encode = Callable[[Any], bytes]
# Seconds until the second attempt, doubled for each one after, up to the longest wait.
FIRST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 3600.0
_DOUBLINGS: Final = 20


class Webhook(Record, frozen=True, kw_only=True):
    """Who is told of which changes; empty lists and None mean all of them."""

    id: str
    url: str
    tables: tuple[Table, ...]
    kinds: tuple[ChangeKind, ...]
    model_id: str | None
    position: Annotated[int, Meta(description="The revision up to which all was delivered.")]
    created_at: Timestamp
    delivered_at: Timestamp | None
    failing_since: Timestamp | None
    paused_at: Timestamp | None

    @property
    def wanted(self) -> ChangeFilter:
        """The changes that it is told of."""
        return ChangeFilter(table=self.tables, kind=self.kinds, model=self.model_id)


class Delivery(Record, frozen=True, kw_only=True):
    """A batch of changes on its way to a webhook, or arrived there."""

    id: str
    webhook_id: str
    after_revision: int
    through_revision: int
    events: Annotated[int, Meta(description="How many changes it holds.")]
    attempts: int
    status: Annotated[int | None, Meta(description="HTTP status of the last attempt.")]
    error: Annotated[str | None, Meta(description="What was wrong with the last attempt.")]
    started_at: Timestamp
    next_attempt_at: Timestamp | None
    delivered_at: Timestamp | None


class Payload(Record, frozen=True, kw_only=True):
    """The body of a POST. A test has no events."""

    webhook: str
    delivery_id: str
    events: list[Change]
    tags: Annotated[list[str], Meta(description="Cache tags of answers that are now out of date.")]


def new_id() -> str:
    """An id of a webhook."""
    return secrets.token_hex(4)


def new_delivery_id() -> str:
    """An id of a delivery."""
    return secrets.token_hex(16)


def new_secret() -> str:
    """A key to sign with, of 256 random bits."""
    return f"whsec_{secrets.token_urlsafe(32)}"


def signature(secret: str, body: bytes, at: int) -> str:
    """The value of `X-AICompare-Signature` for a body sent at a moment, in Unix seconds.

    HMAC-SHA256 over the moment, a dot and the body: a receiver computes it anew, compares in
    constant time, and refuses what is older than a few minutes.
    """
    mac = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


def wait_after(attempts: int, chance: float) -> float:
    """Seconds until the next attempt after so many failed; `chance` from 0 to 1 spreads them."""
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(attempts - 1, _DOUBLINGS))
    return longest * (0.5 + chance / 2)
