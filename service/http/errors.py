"""Errors as responses: the one place where a code becomes a status."""

from __future__ import annotations

import logging
import math
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException

from service.domain.answers import AnswerMeta
from service.errors import DatabaseUnusable, ServiceError
from service.http.reply import CACHE_CONTROL, JSON, Reply, encode
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


def error_reply(error: Exception, *, method: str, path: str, request_id: str) -> Reply:
    """The response for any exception; what is not for the client is logged and left out."""
    if isinstance(error, DatabaseUnusable):  # its words are for the operator: they name paths
        _log.error("request %s failed: %s", request_id, error.message)
        headers = {"Retry-After": str(math.ceil(error.retry_after))}
        message = f"the database cannot be used: the log says why at request {request_id}"
        return _reply(error.code, message, None, headers)
    if isinstance(error, ServiceError) and error.code != "internal":
        retry_after = getattr(error, "retry_after", None)
        headers = {} if retry_after is None else {"Retry-After": str(math.ceil(retry_after))}
        if error.code in _CHALLENGES:
            headers["WWW-Authenticate"] = _CHALLENGES[error.code]
        return _reply(error.code, error.message, error.details, headers)
    if isinstance(error, HTTPException) and error.status_code < 500:
        return _framework(error, method, path)
    _log.error("request %s failed: %s %s", request_id, method, quoted(path), exc_info=error)
    return _reply("internal", f"something went wrong on our side: quote request {request_id}")


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Litestar's exception handler for everything."""
    answer = error_reply(
        error,
        method=request.method,
        path=request.scope["path"],
        request_id=request.scope.get("state", {}).get("request_id", ""),
    )
    return Response(
        content=answer.body,
        status_code=answer.status,
        headers={name.decode(): value.decode() for name, value in answer.headers},
        media_type=JSON,
    )


def _framework(error: HTTPException, method: str, path: str) -> Reply:
    """Errors of routing and of reading the request."""
    headers = dict(error.headers or {})
    if isinstance(error, NotFoundException):
        return _reply("not_found", f"there is nothing at {quoted(path)}: see /docs for what is")
    if isinstance(error, MethodNotAllowedException):
        allowed = next((value for name, value in headers.items() if name.lower() == "allow"), "")
        allow = ", ".join(sorted(allowed.split(", ")))
        return _reply(
            "method_not_allowed", f"{method} is not possible here: use {allow}", None,
            {"Allow": allow},
        )  # fmt: skip
    code = _CODE.get(error.status_code, "invalid_request")
    detail = error.detail or HTTPStatus(error.status_code).phrase
    return _reply(code, detail, None, headers)


def _reply(
    code: str, message: str, details: Any = None, headers: dict[str, str] | None = None
) -> Reply:
    error = {"code": code, "message": message}
    if details is not None:
        error["details"] = details
    body = encode({"data": None, "meta": AnswerMeta(), "error": error})
    return Reply(
        STATUS[code],
        (
            (b"content-type", JSON.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", CACHE_CONTROL["never"]),
            *((name.lower().encode(), value.encode()) for name, value in (headers or {}).items()),
        ),
        body,
    )
