"""A POST to somebody else's server: bounded in time and size, and never to a private address."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import time
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

import service
from service.domain.addresses import is_public
from service.domain.webhooks import signature
from service.errors import InvalidRequest

# Bytes of an answer that are read; an error keeps the beginning of them.
_READ: Final = 4096
_SHOWN: Final = 200
# Seconds for the body of an answer whose status is known.
_BODY_SECONDS: Final = 1.0
_LONGEST_URL: Final = 2000


class Outcome(NamedTuple):
    """How a POST ended: well where `error` is None."""

    status: int | None
    error: str | None


class Refused(OSError):
    """An address that nothing is sent to."""

    def __init__(self, host: str, address: str) -> None:
        shown = address if host == address else f"{host} ({address})"
        super().__init__(
            f"{shown} is not a public address (AICOMPARE_WEBHOOK_TARGETS=any allows others)"
        )


class _PublicOnly(AbstractResolver):
    """Resolves as the system does, and refuses a name with any address that is not public."""

    def __init__(self) -> None:
        self._system = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._system.resolve(host, port, family)
        for one in found:
            if not is_public(one["host"]):
                raise Refused(host, one["host"])
        return found

    async def close(self) -> None:
        await self._system.close()


def _public_socket(address: tuple[Any, ...]) -> socket.socket:
    """The last word: called with the very address that is connected to next."""
    family, kind, protocol, _, (host, *_) = address
    if not is_public(host):
        raise Refused(host, host)
    return socket.socket(family, kind, protocol)


class Poster:
    """Posts signed bodies. `anywhere` allows private addresses and plain http."""

    def __init__(self, deadline: float, *, anywhere: bool) -> None:
        self._deadline = deadline
        self._anywhere = anywhere
        guards: dict[str, Any] = (
            {} if anywhere else {"resolver": _PublicOnly(), "socket_factory": _public_socket}
        )
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True, use_dns_cache=False, **guards),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=deadline),
            auto_decompress=False,
            trust_env=False,
        )

    async def post(self, url: str, body: bytes, secret: str, delivery_id: str) -> Outcome:
        """Send a body; it arrived if the answer has a status of 200 to 299. Redirects are not
        followed. Whatever goes wrong is in the outcome.
        """
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"AICompare/{service.__version__}",
            "X-AICompare-Delivery": delivery_id,
            "X-AICompare-Signature": signature(secret, body, int(time.time())),
        }
        try:
            check_url(url, anywhere=self._anywhere)
            async with self._session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as response:
                excerpt = await _excerpt(response)
                response.close()
        except TimeoutError:
            return Outcome(None, f"no answer within {self._deadline:g} s")
        except InvalidRequest as error:
            return Outcome(None, error.message)
        except (aiohttp.ClientError, OSError, ValueError, UnicodeError) as error:
            return Outcome(None, _words(error))
        status = response.status
        if 200 <= status < 300:
            return Outcome(status, None)
        if 300 <= status < 400:
            return Outcome(status, f"status {status}: redirects are not followed")
        return Outcome(status, f"status {status}" + (f": {excerpt}" if excerpt else ""))

    async def close(self) -> None:
        """Break off what is under way."""
        await self._session.close()


def check_url(url: str, *, anywhere: bool) -> None:
    """Raise `InvalidRequest` for a URL that nothing can be posted to."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InvalidRequest("the URL is malformed: write https://HOST/PATH") from None
    if parts.scheme not in (("https", "http") if anywhere else ("https",)) or not host:
        raise InvalidRequest(
            "the URL must begin with https://HOST (AICOMPARE_WEBHOOK_TARGETS=any allows http)"
        )
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InvalidRequest("the URL must have no user, password or fragment")
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidRequest(
            f"the URL must be visible ASCII of up to {_LONGEST_URL} characters, without spaces"
        )


async def check_address(url: str) -> None:
    """Raise `InvalidRequest` where a URL leads to an address that is not public.

    A host that cannot be resolved now is let through: it is looked at again at each attempt.
    """
    host = urlsplit(url).hostname or ""
    with contextlib.suppress(ValueError):
        if not is_public(str(ipaddress.ip_address(host))):
            raise InvalidRequest(str(Refused(host, host)))
    try:
        await _PublicOnly().resolve(host)
    except Refused as error:
        raise InvalidRequest(str(error)) from None
    except (OSError, UnicodeError):
        return


async def _excerpt(response: aiohttp.ClientResponse) -> str:
    """The beginning of an answer, made visible."""
    raw = b""
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        async with asyncio.timeout(_BODY_SECONDS):
            raw = await response.content.read(_READ)
    text = " ".join(raw.decode(errors="replace").split())
    return "".join(c for c in text if c.isprintable())[:_SHOWN]


def _words(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError() | ssl.SSLCertVerificationError():
            return "its certificate is not accepted"
        case aiohttp.ClientSSLError():
            return "no TLS connection could be made"
        case aiohttp.ClientConnectorError():
            inner = error.os_error
            return str(inner) if isinstance(inner, Refused) else f"cannot connect: {inner}"[:_SHOWN]
        case aiohttp.ServerDisconnectedError():
            return "it closed the connection without an answer"
    return str(error)[:_SHOWN] or type(error).__name__
