"""Writes that reach a region which only reads: sent on to where they belong."""

from __future__ import annotations

from typing import Final

from service.errors import Misdirected
from service.http.asgi import Scope
from service.http.errors import refusal_of
from service.http.reply import CACHE_CONTROL, Headers, Reply
from service.settings import Settings

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# Bytes of a body that Fly's proxy can still replay.
REPLAYED: Final = 1_000_000


class Elsewhere:
    """Answers a write in a region that is not the primary one.

    On Fly its proxy is asked to replay the request in the primary region; else the client is sent
    to the primary's public URL with method and body kept (307). Where neither is known the
    primary's database is written to from here, and so it is with bodies too large to be replayed;
    where that is not known either, the write is `misdirected`.
    """

    def __init__(self, settings: Settings) -> None:
        self._on_fly = settings.fly_app is not None
        self._region = settings.primary_region
        self._url = settings.primary_url
        self._database = settings.primary_database_url is not None

    @classmethod
    def of(cls, settings: Settings) -> Elsewhere | None:
        """None where all writes are taken here."""
        if settings.in_primary_region:
            return None
        if settings.fly_app or settings.primary_url or not settings.primary_database_url:
            return cls(settings)
        return None

    def reply(self, scope: Scope) -> Reply | None:
        """The answer to a write; None for one to be taken here."""
        if self._on_fly:
            if self._database and not _replayable(scope):
                return None
            return _empty(307, ((b"fly-replay", f"region={self._region}".encode()),))
        path = scope.get("raw_path") or scope["path"].encode()
        if self._url:
            query = b"?" + scope["query_string"] if scope["query_string"] else b""
            return _empty(307, ((b"location", self._url.rstrip("/").encode() + path + query),))
        error = Misdirected(
            f"this region only reads: send writes to the one in region {self._region}"
        )
        refusal = refusal_of(error, method=scope["method"], path=scope["path"], request_id="")
        return refusal.json()


def _replayable(scope: Scope) -> bool:
    given = dict(scope["headers"])
    length = given.get(b"content-length", b"0")
    return b"transfer-encoding" not in given and length.isdigit() and int(length) <= REPLAYED


def _empty(status: int, headers: Headers) -> Reply:
    never = (b"cache-control", CACHE_CONTROL["never"])
    return Reply(status, (*headers, never, (b"content-length", b"0")), b"")
