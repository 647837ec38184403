"""Exact decimals: `decimal.Decimal` in the process, integers of billionths in the database.

SQLite would turn a decimal column into a float; an integer is exact, sorts and compares alike on
every engine. Nine digits hold the smallest real price (0.000001 USD per million tokens and below),
and a signed 64-bit integer then reaches past nine thousand million.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from service.errors import InvalidRequest

DIGITS: Final = 9
LIMIT: Final = Decimal(1_000_000_000)
_UNIT: Final = Decimal(10) ** DIGITS
_PLAIN: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def plain(text: str) -> Decimal | None:
    """The number that is written as text, None for what only `Decimal` takes for one.

    Which is ` 1`, `+1`, `1_000`, `1e3`, `.5`, `NaN` and digits of other scripts.
    """
    return Decimal(text) if _PLAIN.fullmatch(text) else None


def is_exact(value: Decimal) -> bool:
    """Whether a finite number can be stored as it is."""
    return value.copy_abs() < LIMIT and round(value, DIGITS) == value


def to_billionths(value: Decimal) -> int:
    """The integer that is stored; raises `InvalidRequest` where it would not be exact."""
    if not value.is_finite() or not -LIMIT < value < LIMIT:
        raise InvalidRequest(f"{value} is out of range: a finite number below {LIMIT} is needed")
    scaled = value * _UNIT
    if scaled != (whole := int(scaled)):
        raise InvalidRequest(f"{value} has more than {DIGITS} digits after the decimal point")
    return whole


def from_billionths(stored: int) -> Decimal:
    """The decimal as it is written in an answer: exact, without trailing zeros."""
    whole, rest = divmod(abs(stored), 10**DIGITS)
    sign = "-" if stored < 0 else ""
    if not rest:
        return Decimal(f"{sign}{whole}")
    return Decimal(f"{sign}{whole}.{rest:0{DIGITS}d}".rstrip("0"))


def clean(value: float | str | Decimal) -> Decimal:
    """A published figure without the noise of binary floats: rounded half-even to nine digits."""
    return round(Decimal(str(value)), DIGITS).normalize() + 0
