"""Answers as they go over the wire: encoded once, the same for everyone who asks the same.

What depends on the request (its id, `If-None-Match`, HEAD) is added by `service.http.edge`, so
that a `Reply` may be kept and sent again.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Final, Literal, TypeAlias

import msgspec

from service.domain.answers import Answer
from service.http.asgi import Receive, Scope, Send

# How long an answer may be kept, by what it is about; `live` is asked for anew each time.
Keep = Literal["list", "detail", "prices", "fixed", "immutable", "live", "never"]

# In seconds: fresh in a browser, fresh in a shared cache, usable there while a new one is fetched.
_FRESH: Final[dict[Keep, tuple[int, int]]] = {
    "list": (60, 3600),
    "detail": (60, 900),
    "prices": (60, 86400),
    "fixed": (3600, 3600),
}
# Kinds of answers that the process keeps.
KEPT: Final[tuple[Keep, ...]] = ("list", "detail", "prices")
CACHE_CONTROL: Final[dict[Keep, bytes]] = {
    "live": b"public, max-age=0, must-revalidate",
    "never": b"no-store",
    "immutable": b"public, max-age=31536000, immutable",
    **{
        keep: f"public, max-age={own}, s-maxage={shared}, stale-while-revalidate={shared}, "
        f"stale-if-error=86400".encode()
        for keep, (own, shared) in _FRESH.items()
    },
}
JSON: Final = "application/json"

Header: TypeAlias = tuple[bytes, bytes]
Headers: TypeAlias = tuple[Header, ...]
# What a browser may do with what is no page: nothing.
POLICY: Final[Header] = (
    b"content-security-policy",
    b"default-src 'none'; frame-ancestors 'none'",
)

_encoder: Final = msgspec.json.Encoder(decimal_format="number")
# Where a number in scientific notation may end; most often it is a part of a name that looks so.
_SUSPECT: Final = re.compile(rb"[0-9]E[+-]?[0-9]+(?:[,\]}]|$)")
# A string, or a number in scientific notation.
_SCIENTIFIC: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?E[+-]?[0-9]+')


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole response; also the ASGI application that sends it."""

    status: int
    headers: Headers
    body: bytes
    # State of the catalogue that it was made from, where it was made from one.
    revision: int | None = None

    def private(self) -> Reply:
        """The same for one client alone: nobody may keep it."""
        headers = (pair for pair in self.headers if pair[0] != b"cache-control")
        return replace(self, headers=(*headers, (b"cache-control", CACHE_CONTROL["never"])))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": self.status, "headers": list(self.headers)}
        )
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


@dataclass(frozen=True, slots=True)
class Stream:
    """A response of unknown length, sent page by page as the pages come.

    The edge makes a 304 of it where the client has it already.
    """

    headers: Headers
    pages: AsyncIterator[bytes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        known = dict(scope["headers"]).get(b"if-none-match")
        tag = dict(self.headers).get(b"etag")
        bare = scope["state"].get("head") or (known and tag and matches(known, tag))
        # The first page before the status: a database that is away is then still a 503.
        first = b"" if bare else await anext(self.pages, b"")
        await send({"type": "http.response.start", "status": 200, "headers": list(self.headers)})
        if bare:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        await send({"type": "http.response.body", "body": first, "more_body": True})
        async for page in self.pages:
            await send({"type": "http.response.body", "body": page, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def matches(if_none_match: bytes, tag: bytes) -> bool:
    """Whether the client has the tagged bytes already; weak comparison, as RFC 9110 asks here."""
    if if_none_match in (tag, b"*"):  # as nearly all of them
        return True
    if if_none_match.strip() == b"*":
        return True
    return tag in (one.strip().removeprefix(b"W/") for one in if_none_match.split(b","))


def encode(value: Any) -> bytes:
    """JSON with decimals as exact numbers, never in scientific notation."""
    body = _encoder.encode(value)
    if (b"E-" in body or b"E+" in body) and _SUSPECT.search(body):
        return _SCIENTIFIC.sub(_plain, body)
    return body


def _plain(token: re.Match[bytes]) -> bytes:
    text = token[0]
    return text if text.startswith(b'"') else format(Decimal(text.decode()), "f").encode()


def json_reply(answer: Answer[Any], keep: Keep, fields: Sequence[str] = ()) -> Reply:
    """The reply for what a use case returned; `fields` keeps only those members of `data`."""
    meta = answer.meta
    body = encode({"data": select(answer.data, fields), "meta": meta} if fields else answer)
    return reply(body, JSON, keep, revision=meta.revision)


def reply(
    body: bytes,
    media: str,
    keep: Keep,
    *,
    revision: int | None = None,
    policy: Header = POLICY,
) -> Reply:
    """A good answer with its validators: the tag is strong, since it is of these very bytes."""
    tag = f'"{revision or 0}-{blake2b(body, digest_size=9).hexdigest()}"'
    headers = [
        (b"content-type", media.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", CACHE_CONTROL[keep]),
        (b"vary", b"Accept-Encoding"),
        policy,
    ]
    if keep != "never":
        headers.append((b"etag", tag.encode()))
    if revision is not None:
        headers.append((b"x-revision", str(revision).encode()))
    return Reply(200, tuple(headers), body, revision)


def select(data: Any, fields: Sequence[str]) -> Any:
    """Of a struct, or of each in a list, the members with these JSON names, in the struct's order.

    A member that the struct leaves out of its JSON is left out here too.
    """
    if isinstance(data, list | tuple):
        return [select(one, fields) for one in data]
    names = zip(data.__struct_encode_fields__, data.__struct_fields__, strict=True)
    values = ((name, getattr(data, field)) for name, field in names if name in fields)
    return {name: value for name, value in values if value is not msgspec.UNSET}


# What a spreadsheet takes for a formula, full-width forms included; and the sign that defuses it.
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "'", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_page(rows: Iterable[Sequence[object]]) -> bytes:
    """Rows as RFC 4180 has them, in UTF-8; text that a spreadsheet would run is made inert."""
    page = io.StringIO(newline="")
    csv.writer(page, lineterminator="\r\n").writerows(
        [_cell(value) for value in row] for row in rows
    )
    return page.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    if isinstance(value, str):
        # An apostrophe of the text's own as well, so that it can be read back.
        return f"'{value}" if value.lstrip(" \n").startswith(_FORMULAS) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else value
