"""Sessions: a browser in which somebody signed in with a token of scope admin."""

from __future__ import annotations

import ipaddress
import secrets
from typing import Final

from msgspec import Struct

from service.domain.tokens import digest, read_credential
from service.domain.values import Timestamp

# Attempts to sign in that come at once, and seconds until one more may come after those.
ATTEMPTS: Final = 10
PAUSE: Final = 30


class Session(Struct, frozen=True, kw_only=True):
    """Who is signed in, until when, and what a form of theirs has to send along."""

    actor: str
    expires_at: Timestamp
    csrf: str


def new_secret() -> str:
    """What a cookie holds: 256 random bits."""
    return secrets.token_urlsafe(32)


def ids_of(secret: str, bootstrap: str | None) -> tuple[str, str | None]:
    """The ids that a session with this secret may have: of a token, or of the environment's.

    The latter depends on that token, so that it ends with it.
    """
    return digest(secret), None if bootstrap is None else digest(f"{bootstrap} {secret}")


def csrf_of(secret: str) -> str:
    """What forms send along: another page can neither read nor derive it."""
    return digest(f"csrf {secret}")


def buckets_of(address: str, token: str) -> list[str]:
    """What an attempt counts for: where it comes from, and the token that it tries.

    There are 65,536 of each kind: whoever tries many of them fills no memory.
    """
    found = [f"address-{digest(_network(address))[:4]}"]
    if credential := read_credential(token):
        found.append(f"token-{digest(credential.id)[:4]}")
    return found


def _network(address: str) -> str:
    """An address; of IPv6 the network, since one client has all of it."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
