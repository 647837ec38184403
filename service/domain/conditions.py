"""What people type to choose rows by a column, and what it means.

Text is contained, or equal after a `=`. Numbers, days and moments are `5`, `>=3`, `<10`, `3..7`,
`2025`, `2025-01..2025-06`. A choice is one of several with commas, a list holds all of them.
`unknown` and `known` stand for themselves; in quotes they are text like any other.
"""

from __future__ import annotations

import calendar
import re
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from service.domain.decimals import is_exact, plain
from service.domain.text import whole
from service.domain.viewer import Column, Deleted, View
from service.errors import InvalidRequest

Operator = Literal["contains", "=", "<", "<=", ">", ">=", "in", "has", "unknown", "known"]
Operand = str | int | Decimal | bool | tuple[str, ...] | tuple[bool, ...] | None


class Condition(NamedTuple):
    """One comparison of a column with a value. Days and moments compare as text does."""

    operator: Operator
    value: Operand = None


_COMPARED: Final = re.compile(r"(>=|<=|>|<|=)?\s*(.+?)\s*")
_DAY: Final = re.compile(r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?")
_WANTED: Final = {
    "whole": "a whole number like 8192, >=8192 or 1000..2000",
    "decimal": "a number like 2.5, >=2.5 or 1..2.5",
    "date": "a day, month or year like 2025-01-31, >=2025-01 or 2025-01..2025-06",
    "moment": "a day, month or year like 2025-01-31, >=2025-01 or 2025-01..2025-06",
    "flag": "true, false or unknown",
}


def conditions(column: Column, text: str) -> tuple[Condition, ...]:
    """What must all hold of a column. Raises `InvalidRequest` with what can be asked."""
    text = text.strip()
    if text == "known":
        return (Condition("known"),)
    if text == "unknown" and text not in column.choices:
        return (Condition("unknown"),)
    match column.kind:
        case "text" | "json":
            return (_text(text),)
        case "choice":
            return (Condition("in", _chosen(column, text)),)
        case "list":
            return (Condition("has", _chosen(column, text)),)
        case "flag":
            if text not in ("true", "false"):
                raise _wrong(column, text)
            return (Condition("=", text == "true"),)
    low, dots, high = text.partition("..")
    if dots:
        if not (low or high):
            raise _wrong(column, text)
        parts = ((">=", low.strip()), ("<=", high.strip()))
        return tuple(one for sign, part in parts if part for one in _compared(column, sign, part))
    found = _COMPARED.fullmatch(text)
    if found is None:
        raise _wrong(column, text)
    return tuple(_compared(column, found[1] or "=", found[2]))


def _text(text: str) -> Condition:
    operator: Operator = "contains"
    if text.startswith("="):
        operator, text = "=", text[1:].strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return Condition(operator, text)


def _chosen(column: Column, text: str) -> tuple[str, ...]:
    values = tuple(one.strip() for one in text.split(","))
    for value in values:
        if value not in column.choices:
            raise InvalidRequest(
                f"{column.name} is one of {', '.join(column.choices)}, not {value!r}: "
                "separate several by commas"
            )
    return values


def _compared(column: Column, sign: str, text: str) -> list[Condition]:
    if column.kind in ("date", "moment"):
        return _period(column, sign, text)
    if column.kind == "whole":
        if (count := whole(text)) is None:
            raise _wrong(column, text)
        return [Condition(_operator(sign), count)]
    number = plain(text)
    if number is None or not is_exact(number):
        raise _wrong(column, text)
    return [Condition(_operator(sign), number)]


def _operator(sign: str) -> Operator:
    operators: tuple[Operator, ...] = ("=", "<", "<=", ">", ">=")
    return next(one for one in operators if one == sign)


def _period(column: Column, sign: str, text: str) -> list[Condition]:
    """Comparisons with a day, or with all days of a month or year."""
    if not _DAY.fullmatch(text) or text.startswith("0000"):
        raise _wrong(column, text)
    after = _after(column, text)
    match sign:
        case "<":
            return [Condition("<", text)]
        case "<=":
            return [Condition("<", after)]
        case ">":
            return [Condition(">=", after)]
        case ">=":
            return [Condition(">=", text)]
    return [Condition(">=", text), Condition("<", after)]


def _after(column: Column, text: str) -> str:
    """The day, month or year that follows, by which all that is in this one comes before it."""
    year, month, day = (*map(int, text.split("-")), 0, 0)[:3]
    if day:
        last = calendar.monthrange(year, month)[1]
        if day > last:
            raise _wrong(column, text)
        if day < last:
            return f"{year:04}-{month:02}-{day + 1:02}"
    if month and month < 12:
        return f"{year:04}-{month + 1:02}"
    return f"{year + 1:04}" if year < 9999 else ":"


def _wrong(column: Column, text: str) -> InvalidRequest:
    return InvalidRequest(f"{column.name} must be {_WANTED[column.kind]}, not {text!r}")


class Choice(NamedTuple):
    """Which rows of a view, in which order."""

    view: View
    # What must hold of columns, each by its name.
    where: tuple[tuple[str, Condition], ...] = ()
    # Contained in any column of text.
    q: str | None = None
    deleted: Deleted = "no"
    # Names of columns, with `-` for descending; unknown values last, ties in the order of the key.
    sort: tuple[str, ...] = ()
