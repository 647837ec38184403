"""Tokens: who may write, and how much."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Annotated, Final, Literal, NamedTuple

from msgspec import Meta

from service.domain.values import Record, Timestamp

# An admin may do what a pipeline may.
Scope = Literal["pipeline", "admin"]

# Names that the change log gives to others than tokens.
RESERVED: Final = frozenset({"sql", "seed", "ingest", "service", "environment"})
NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$"
_TOKEN: Final = re.compile(r"aic_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


class Token(Record, frozen=True, kw_only=True):
    """What is known of a token; its secret is not."""

    id: str
    name: Annotated[str, Meta(description="What the change log calls whoever uses it.")]
    scope: Scope
    created_at: Timestamp
    expires_at: Timestamp | None
    revoked_at: Timestamp | None
    last_used_at: Timestamp | None

    def active(self, now: Timestamp) -> bool:
        """Whether it may be used at a moment."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class Credential(NamedTuple):
    """A token in its two parts: the id finds it, the secret proves it."""

    id: str
    secret: str

    def __str__(self) -> str:
        return f"aic_{self.id}_{self.secret}"

    @property
    def secret_hash(self) -> str:
        """What is stored. The secret has 256 random bits, so one round is enough."""
        return digest(self.secret)


def new_credential() -> Credential:
    """A new token."""
    return Credential(secrets.token_hex(6), secrets.token_urlsafe(32))


def read_credential(text: str) -> Credential | None:
    """The parts of a token; None where it is none."""
    found = _TOKEN.fullmatch(text)
    return Credential(found[1], found[2]) if found else None


def digest(secret: str) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def allows(scope: Scope, needed: Scope) -> bool:
    """Whether a token of one scope may do what needs another."""
    return scope in ("admin", needed)
