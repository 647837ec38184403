"""Errors as responses: the one place where a code becomes a status."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException

from service.domain.answers import AnswerMeta
from service.errors import DatabaseUnusable, ServiceError
from service.http.reply import CACHE_CONTROL, JSON, POLICY, Header, Reply, encode
from service.http.words import quoted

STATUS: Final[dict[str, int]] = {
    "invalid_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "precondition_failed": 412,
    "payload_too_large": 413,
    "misdirected": 421,
    "rate_limited": 429,
    "internal": 500,
    "unavailable": 503,
}
_CODE: Final = {status: code for code, status in STATUS.items()}
_CHALLENGES: Final = {
    "unauthorized": 'Bearer realm="aicompare"',
    "forbidden": 'Bearer realm="aicompare", error="insufficient_scope"',
}
_log = logging.getLogger("service.http")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a client is told instead of an answer."""

    code: str
    message: str
    details: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return STATUS[self.code]

    def json(self) -> Reply:
        """The refusal in the envelope of the API."""
        error = {"code": self.code, "message": self.message}
        if self.details is not None:
            error["details"] = self.details
        return self.reply(encode({"data": None, "meta": AnswerMeta(), "error": error}), JSON)

    def reply(self, body: bytes, media: str, policy: Header = POLICY) -> Reply:
        """The refusal in the words of `body`; nobody may keep it."""
        return Reply(
            self.status,
            (
                (b"content-type", media.encode()),
                (b"content-length", str(len(body)).encode()),
                (b"cache-control", CACHE_CONTROL["never"]),
                policy,
                *((name.lower().encode(), text.encode()) for name, text in self.headers.items()),
            ),
            body,
        )


def refusal_of(error: Exception, *, method: str, path: str, request_id: str) -> Refusal:
    """What to tell of any exception; what is not for the client is logged and left out."""
    if isinstance(error, DatabaseUnusable):  # its words are for the operator: they name paths
        _log.error("request %s failed: %s", request_id, error.message)
        headers = {"Retry-After": str(math.ceil(error.retry_after))}
        message = f"the database cannot be used: the log says why at request {request_id}"
        return Refusal(error.code, message, None, headers)
    if isinstance(error, ServiceError) and error.code != "internal":
        retry_after = getattr(error, "retry_after", None)
        headers = {} if retry_after is None else {"Retry-After": str(math.ceil(retry_after))}
        if error.code in _CHALLENGES:
            headers["WWW-Authenticate"] = _CHALLENGES[error.code]
        return Refusal(error.code, error.message, error.details, headers)
    if isinstance(error, HTTPException) and error.status_code < 500:
        return _framework(error, method, path)
    _log.error("request %s failed: %s %s", request_id, method, quoted(path), exc_info=error)
    return Refusal("internal", f"something went wrong on our side: quote request {request_id}")


def refusal_to(request: Request[Any, Any, Any], error: Exception) -> Refusal:
    """What to tell of an exception that a request met."""
    return refusal_of(
        error,
        method=request.method,
        path=request.scope["path"],
        request_id=request.scope.get("state", {}).get("request_id", ""),
    )


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Litestar's exception handler for everything."""
    answer = refusal_to(request, error).json()
    return Response(
        content=answer.body,
        status_code=answer.status,
        headers={name.decode(): value.decode() for name, value in answer.headers},
        media_type=JSON,
    )


def _framework(error: HTTPException, method: str, path: str) -> Refusal:
    """Errors of routing and of reading the request."""
    headers = dict(error.headers or {})
    if isinstance(error, NotFoundException):
        return Refusal("not_found", f"there is nothing at {quoted(path)}: see /docs for what is")
    if isinstance(error, MethodNotAllowedException):
        allowed = next((value for name, value in headers.items() if name.lower() == "allow"), "")
        allow = ", ".join(sorted(allowed.split(", ")))
        message = f"{method} is not possible here: use {allow}"
        return Refusal("method_not_allowed", message, None, {"Allow": allow})
    code = _CODE.get(error.status_code, "invalid_request")
    detail = error.detail or HTTPStatus(error.status_code).phrase
    return Refusal(code, detail, None, headers)
