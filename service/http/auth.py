"""What a write says of itself in headers: who sends it, once or again, and over which version."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

from litestar import Request

from service.application import tokens
from service.domain.tokens import Scope
from service.errors import InvalidRequest
from service.http.endpoint import Service
from service.storage.edits import NEVER
from service.storage.writing import Author, Once

_KEY: Final = re.compile(r"[!-~]{1,200}")
_TAG: Final = re.compile(r'(?:W/)?"(\d{1,18})(?:-[^"]*)?"')


async def author_of(request: Request[Any, Any, Any], service: Service, scope: Scope) -> Author:
    """Who sends the request. Raises `Unauthorized` and `Forbidden`."""
    now = service.clock()
    name = await tokens.authenticate(
        service.writer,
        request.headers.get("authorization"),
        scope,
        now,
        service.settings.bootstrap_token,
    )
    return Author(name, now)


def once_of(request: Request[Any, Any, Any], body: bytes) -> Once | None:
    """The request's `Idempotency-Key`, if it has one. Raises `InvalidRequest` for a bad one."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise InvalidRequest(
            "Idempotency-Key must have 1 to 200 visible ASCII characters, without spaces"
        )
    path = f"{request.method} {request.scope['path']}?".encode()
    digest = hashlib.sha256(path + request.scope["query_string"] + b"\n" + body)
    return Once(key, digest.hexdigest())


def version_of(request: Request[Any, Any, Any]) -> int | None:
    """The revision that `If-Match` names: any ETag of a read or a write holds one.

    None where any version will do; one that never matches for a tag that is not ours.
    """
    given = request.headers.get("if-match")
    if given is None or given.strip() == "*":
        return None
    found = [_TAG.fullmatch(tag.strip()) for tag in given.split(",")]
    return max((int(tag[1]) for tag in found if tag), default=NEVER)
