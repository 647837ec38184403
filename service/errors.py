"""The few errors the service can have; `service.http.errors` maps their codes to statuses.

A message is written for whoever reads the answer: it says what was wrong and what would be right,
and never holds SQL, a path or a stack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class ServiceError(Exception):
    """Base of all errors with a code of the HTTP contract."""

    code: ClassVar[str] = "internal"

    def __init__(
        self, message: str, details: Mapping[str, Any] | Sequence[Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class InvalidRequest(ServiceError):
    """The question itself is wrong: an unknown parameter, a value out of range."""

    code = "invalid_request"


class Unauthorized(ServiceError):
    """No token, or one that is unknown, expired or revoked."""

    code = "unauthorized"


class Forbidden(ServiceError):
    """A good token without the scope that is needed."""

    code = "forbidden"


class NotFound(ServiceError):
    """There is no such row, or it was deleted."""

    code = "not_found"


class Conflict(ServiceError):
    """The write contradicts what is stored: a unique, check or foreign key constraint."""

    code = "conflict"


class PreconditionFailed(ServiceError):
    """`If-Match` names a version that is no longer the current one."""

    code = "precondition_failed"


class PayloadTooLarge(ServiceError):
    """The body is over the limit."""

    code = "payload_too_large"


class Misdirected(ServiceError):
    """A write reached a place that can neither write nor forward."""

    code = "misdirected"


class RateLimited(ServiceError):
    """Too many requests from one client; `retry_after` in seconds."""

    code = "rate_limited"

    def __init__(self, message: str, retry_after: float = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(ServiceError):
    """The database did not answer within the deadline, or not at all; `retry_after` in seconds."""

    code = "unavailable"

    def __init__(self, message: str, retry_after: float = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DatabaseUnusable(Unavailable):
    """The database is there but cannot serve: missing, read-only, corrupt or at the wrong schema.

    Trying again does not help: the message says what to do, in one line, and the command line
    prints just that.
    """
