"""Tokens: made for someone, checked at each write, revoked."""

from __future__ import annotations

import contextlib
import datetime
import re
from typing import Final

from service.domain.tokens import (
    NAME,
    RESERVED,
    Credential,
    Scope,
    Token,
    allows,
    digest,
    new_credential,
    read_credential,
    same,
)
from service.domain.values import timestamp
from service.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    ServiceError,
    Unauthorized,
)
from service.storage import tokens as stored
from service.storage.database import Database

# The least time between two records of a token's use.
_RECORDED: Final = datetime.timedelta(minutes=1)


async def create(
    writer: Database,
    name: str,
    scope: Scope,
    now: datetime.datetime,
    lifetime: datetime.timedelta | None = None,
) -> Credential:
    """Make a token; it is shown now or never.

    Raises `InvalidRequest` for a name that cannot be one, `Conflict` for one that is in use.
    """
    if not re.fullmatch(NAME, name) or name in RESERVED:
        raise InvalidRequest(
            f"{name!r} cannot be a token's name: use letters, digits and ._@- after the first, "
            f"and none of {', '.join(sorted(RESERVED))}"
        )
    credential = new_credential()
    expires_at = None if lifetime is None else timestamp(now + lifetime)
    try:
        await stored.create(writer, credential, name, scope, timestamp(now), expires_at)
    except Conflict:
        raise Conflict(f"there is a token {name} already: revoke it or choose another") from None
    return credential


async def list_tokens(reader: Database) -> list[Token]:
    """All tokens, revoked ones too."""
    return await stored.all_of(reader)


async def revoke(writer: Database, id_or_name: str, now: datetime.datetime) -> None:
    """Revoke a token at once. Raises `NotFound` where no active one has the id or name."""
    if not await stored.revoke(writer, id_or_name, timestamp(now)):
        raise NotFound(f"there is no active token {id_or_name}")


async def authenticate(
    writer: Database,
    authorization: str | None,
    needed: Scope,
    now: datetime.datetime,
    bootstrap: str | None = None,
) -> str:
    """The name of whoever sends an `Authorization` header, if they may do what `needed` allows.

    `bootstrap` is a token from the environment, of scope admin. Raises `Unauthorized` without an
    active token, `Forbidden` where its scope is too small.
    """
    scheme, _, text = (authorization or "").strip().partition(" ")
    text = text.strip()
    if scheme.lower() != "bearer" or not text:
        raise Unauthorized("a token is needed: send `Authorization: Bearer TOKEN`")
    if bootstrap is not None and same(digest(text), digest(bootstrap)):
        return "environment"
    credential = read_credential(text)
    found = await stored.find(writer, credential.id) if credential else None
    # Compared even where there is nothing to compare with: it takes as long.
    known = found.secret_hash if found else digest("")
    if not same(digest(credential.secret if credential else text), known) or found is None:
        raise Unauthorized("the token is unknown: `aicompare token create` makes one")
    token = found.token
    if token.revoked_at is not None:
        raise Unauthorized("the token was revoked")
    if not token.active(timestamp(now)):
        raise Unauthorized(f"the token expired at {token.expires_at}")
    limit = timestamp(now - _RECORDED)
    if token.last_used_at is None or token.last_used_at < limit:
        with contextlib.suppress(ServiceError):  # not worth a failed request
            await stored.used(writer, token.id, timestamp(now), limit)
    if not allows(token.scope, needed):
        raise Forbidden(f"the token {token.name} has scope {token.scope}: this needs {needed}")
    return token.name
