"""Writes that reach a place which only reads: sent on to where they belong."""

from __future__ import annotations

from typing import Final

from service.errors import Misdirected
from service.http.asgi import Scope
from service.http.errors import refusal_of
from service.http.reply import CACHE_CONTROL, Headers, Reply
from service.settings import Settings

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Elsewhere:
    """Answers a write in a region that is not the primary one and has no primary database.

    On Fly its proxy is asked to replay the request in the primary region; else the client is sent
    to the primary's public URL with method and body kept (307); else it is `misdirected`.
    """

    def __init__(self, settings: Settings) -> None:
        self._on_fly = settings.fly_app is not None
        self._region = settings.primary_region
        self._url = settings.primary_url

    @classmethod
    def of(cls, settings: Settings) -> Elsewhere | None:
        """None where writes can be taken here."""
        here = settings.primary_region in (None, settings.region)
        return None if settings.primary_database_url or here else cls(settings)

    def reply(self, scope: Scope) -> Reply:
        """The answer to a write."""
        if self._on_fly:
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


def _empty(status: int, headers: Headers) -> Reply:
    never = (b"cache-control", CACHE_CONTROL["never"])
    return Reply(status, (*headers, never, (b"content-length", b"0")), b"")
