"""Signing in and out, and who is signed in."""

from __future__ import annotations

import datetime
import math
from typing import NamedTuple

from service.application import tokens
from service.domain.sessions import (
    ATTEMPTS,
    PAUSE,
    Session,
    buckets_of,
    csrf_of,
    ids_of,
    new_secret,
)
from service.domain.tokens import allows, read_credential
from service.domain.values import timestamp
from service.errors import RateLimited
from service.storage import sessions as stored
from service.storage.database import Database


class SignedIn(NamedTuple):
    """A new session, and the secret for its cookie, which is stored nowhere."""

    secret: str
    session: Session


async def sign_in(
    writer: Database,
    token: str,
    address: str,
    *,
    now: datetime.datetime,
    lifetime: datetime.timedelta,
    bootstrap: str | None = None,
) -> SignedIn:
    """Begin a session with a token of scope admin.

    Raises `Unauthorized` and `Forbidden` as `tokens.authenticate` does, `RateLimited` where too
    many attempts came from the address or for the token: then without a look at it.
    """
    buckets = buckets_of(address, token)
    milliseconds = int(now.timestamp() * 1000)
    cost = PAUSE * 1000
    wait = await stored.attempt(writer, buckets, milliseconds, cost, ATTEMPTS * cost)
    if wait:
        seconds = math.ceil(wait / 1000)
        raise RateLimited(f"too many attempts to sign in: try again in {seconds} s", seconds)
    actor = await tokens.authenticate(writer, f"Bearer {token}", "admin", now, bootstrap)
    await stored.forgive(writer, buckets)
    secret = new_secret()
    own, environments = ids_of(secret, bootstrap)
    credential = read_credential(token)
    expires_at = timestamp(now + lifetime)
    if actor == "environment" and environments is not None:
        await stored.create(writer, environments, None, timestamp(now), expires_at)
    else:
        assert credential is not None
        await stored.create(writer, own, credential.id, timestamp(now), expires_at)
    return SignedIn(secret, Session(actor=actor, expires_at=expires_at, csrf=csrf_of(secret)))


async def find(
    db: Database, secret: str, *, now: datetime.datetime, bootstrap: str | None = None
) -> Session | None:
    """The session of a cookie; None where it is unknown or over, or its token is no more."""
    ids = [id for id in ids_of(secret, bootstrap) if id is not None]
    found = await stored.find(db, ids, timestamp(now))
    if found is None or (found.scope and not allows(found.scope, "admin")):
        return None
    # Without a token it is the environment's: its id came of that.
    actor = found.name or "environment"
    return Session(actor=actor, expires_at=found.expires_at, csrf=csrf_of(secret))


async def sign_out(writer: Database, secret: str, *, bootstrap: str | None = None) -> None:
    """End the session of a cookie, if there is one."""
    await stored.delete(writer, [id for id in ids_of(secret, bootstrap) if id is not None])
