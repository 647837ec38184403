"""A primary's write API, as a pipeline uses it: with deadlines, and again under the same key.

Every write has an `Idempotency-Key` that is made of what is written, so that one whose answer was
lost is sent again without harm, also by a later process: the service answers as the first time.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import aiohttp
import click
import msgspec

from service.errors import ServiceError

# Seconds before each further try.
WAITS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
# Seconds that one call may take, and the longest wait that a server may ask for.
DEADLINE: Final = 60.0
_LONGEST_WAIT: Final = 60.0
_AGAIN: Final = frozenset({429, 502, 503, 504})
_MOVED: Final = frozenset({307, 308})
_REDIRECTS: Final = 3


class Unreachable(ServiceError):
    """The primary did not answer, however often it was asked; the run is still open there."""


class Refused(ServiceError):
    """The primary said no; the message is its own."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class _Again(Exception):
    """Worth another try, after so many seconds at least."""

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.after = after


class _Error(msgspec.Struct):
    message: str


class _Envelope(msgspec.Struct):
    data: Any = None
    error: _Error | None = None


def key_of(*parts: str | bytes) -> str:
    """An idempotency key made of what it stands for."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update((part.encode() if isinstance(part, str) else part) + b"\0")
    return digest.hexdigest()[:40]


class Primary:
    """The service at a URL. `also` is the primary's own, where the token may follow as well."""

    def __init__(
        self,
        url: str,
        token: str | None,
        *,
        also: str | None = None,
        waits: Sequence[float] = WAITS,
        deadline: float = DEADLINE,
    ) -> None:
        if not url.startswith(("http://", "https://")) or not _host(url):
            raise ServiceError(f"{url} is no service: http://HOST or https://HOST is needed")
        self.url = url.rstrip("/")
        self.token = token
        self._trusted = {urlsplit(known).hostname for known in (url, also) if known}
        self._waits = waits
        self._timeout = aiohttp.ClientTimeout(total=deadline, connect=min(10.0, deadline))
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._session
        await self._session.close()

    async def read(self, path: str) -> bytes:
        """What a public endpoint answers. Raises `Unreachable` and `Refused`."""
        return await self._call("GET", path, None, {})

    async def get(self, path: str) -> Any:
        """The data of what only a token may see."""
        return _data(await self._call("GET", path, None, self._credentials()))

    async def post(self, path: str, body: bytes, key: str | None = None) -> Any:
        """Write, once however often it is sent; the data of the answer."""
        headers = self._credentials() | {"content-type": "application/json"}
        if key:
            headers["idempotency-key"] = key
        return _data(await self._call("POST", path, body, headers))

    def _credentials(self) -> dict[str, str]:
        if self.token is None:
            raise ServiceError("a token is needed: give --token, or AICOMPARE_TOKEN")
        return {"authorization": f"Bearer {self.token}"}

    async def _call(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> bytes:
        for wait in (*self._waits, None):
            try:
                return await self._once(method, path, body, headers)
            except _Again as error:
                if wait is None:
                    raise Unreachable(f"{self.url} cannot be reached: {error}") from None
                pause = max(wait, error.after)
                click.echo(f"{self.url}: {error}: asked again in {pause:g} s", err=True)
                await asyncio.sleep(pause)
        raise AssertionError("the last try has no wait")

    async def _once(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> bytes:
        assert self._session
        for _ in range(_REDIRECTS):
            try:
                async with self._session.request(
                    method, self.url + path, data=body, headers=headers, allow_redirects=False
                ) as response:
                    content = await response.read()
            except TimeoutError:
                raise _Again(f"no answer within {self._timeout.total:g} s") from None
            except (aiohttp.ClientError, OSError) as error:
                raise _Again(str(error) or type(error).__name__) from None
            if response.status in _MOVED:
                self._follow(response.headers.get("location", ""), path)
                continue
            if response.status in _AGAIN:
                raise _Again(_said(content, response.status), _after(response))
            if response.status >= 300:
                raise Refused(f"{self.url}: {_said(content, response.status)}", response.status)
            return content
        raise ServiceError(f"{self.url} sends writes around in a circle")

    def _follow(self, location: str, path: str) -> None:
        """Go where writes are taken, if the token may be shown there; stay there from then on."""
        target = urlsplit(location)
        downgraded = self.url.startswith("https:") and target.scheme != "https"
        if not location.endswith(path) or target.hostname not in self._trusted or downgraded:
            raise ServiceError(
                f"{self.url} sends writes on to {location or 'nowhere'}, where the token may not "
                "follow: give that as --to"
            )
        self.url = location.removesuffix(path)


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _after(response: aiohttp.ClientResponse) -> float:
    with contextlib.suppress(ValueError):
        return min(float(response.headers.get("retry-after", "")), _LONGEST_WAIT)
    return 0.0


def _data(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content, type=_Envelope).data
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ServiceError("the service answers something else than its API: check --to") from None


def _said(content: bytes, status: int) -> str:
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
        if error := msgspec.json.decode(content, type=_Envelope).error:
            return f"{error.message} ({status})"
    return f"it answers {status}"
