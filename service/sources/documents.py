"""Documents as they were fetched: JSON with exact numbers, or one line that says what is wrong."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeVar

import msgspec

from service.errors import ServiceError

T = TypeVar("T")


class Unreadable(ServiceError):
    """A document is not what its source publishes; the message says why, without naming it."""


def json_of(content: bytes, kind: type[T]) -> T:
    """A JSON document of a type; numbers that the type leaves open are exact decimals.

    Raises `Unreadable`.
    """
    text = content.removeprefix(b"\xef\xbb\xbf").strip()
    if not text:
        raise Unreadable("is empty")
    if text.startswith(b"<"):
        raise Unreadable("is a web page, not JSON")
    try:
        return msgspec.json.Decoder(kind, float_hook=Decimal).decode(text)
    except RecursionError:
        raise Unreadable("nests too deep") from None
    except msgspec.ValidationError as error:
        raise Unreadable(f"has another shape: {_lower(error)}") from None
    except (msgspec.DecodeError, ValueError, ArithmeticError) as error:
        raise Unreadable(f"is not JSON: {_lower(error)}") from None


def another_shape(error: Exception) -> Unreadable:
    """What a reader stumbled over."""
    if isinstance(error, KeyError):
        return Unreadable(f"has another shape: {error} is missing")
    return Unreadable(f"has another shape: {_lower(error)}")


def text_of(content: bytes) -> str:
    """A document in UTF-8. Raises `Unreadable`."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"is not UTF-8: byte {error.start} is {content[error.start]:#x}") from None
    if not text.strip():
        raise Unreadable("is empty")
    if text.lstrip().startswith("<"):
        raise Unreadable("is a web page, not CSV")
    return text


def _lower(error: Exception) -> str:
    text = " ".join(str(error).split()).removeprefix("JSON is malformed: ")
    return text[:1].lower() + text[1:200]
