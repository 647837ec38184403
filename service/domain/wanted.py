"""What a member of a row may be, in words: what a refusal says would be right."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, Final

from msgspec import inspect

from service.domain.decimals import DIGITS, LIMIT
from service.domain.text import CUTOFF, ID, MODEL_ID, PROVIDER_ID, URL

DAY: Final = "a day of the calendar like 2026-01-31"
MOMENT: Final = "a moment with its zone like 2026-01-31T12:00:00Z"
NUMBER: Final = f"a decimal number like 2.5, below {LIMIT} and with up to {DIGITS} decimal places"
_PATTERNS: Final = {
    PROVIDER_ID: "a provider's id like `anthropic`: letters, digits and `.`, `_`, `-`",
    MODEL_ID: "the id that the provider's API takes, like `claude-sonnet-4-5`: letters, digits and"
    " `.`, `_`, `:`, `@`, `+`, `~`, `=`, `-`, in parts separated by single `/`,"
    " none of dots alone",
    ID: "a model's id like `anthropic/claude-sonnet-4-5`, its provider's id first",
    URL: "a URL that begins with https:// or http:// and holds no space",
    CUTOFF: "a month or day of the calendar like 2026-01 or 2026-01-31",
}


@functools.cache
def wanted(kind: Any) -> str:
    """Words for the values of a member's type; raises `TypeError` for a type without any."""
    return _words(inspect.type_info(kind))


def choices(kind: Any) -> frozenset[str]:
    """The words that a member's type lets one choose from; none where it is not a choice."""
    return frozenset(
        str(value)
        for one in _leaves(inspect.type_info(kind))
        if isinstance(one, inspect.LiteralType)
        for value in one.values
    )


def _leaves(kind: inspect.Type) -> Iterator[inspect.Type]:
    match kind:
        case inspect.Metadata():
            yield from _leaves(kind.type)
        case inspect.UnionType():
            for one in kind.types:
                yield from _leaves(one)
        case inspect.VarTupleType():
            yield from _leaves(kind.item_type)
        case _:
            yield kind


def _words(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata():
            return _words(kind.type)
        case inspect.UnionType():
            nullable = any(isinstance(one, inspect.NoneType) for one in kind.types)
            (only,) = (one for one in kind.types if not isinstance(one, inspect.NoneType))
            return _words(only) + (", or null" if nullable else "")
        case inspect.StrType(pattern=str(pattern)):
            most = f", {kind.max_length} characters at most" if kind.max_length else ""
            return _PATTERNS[pattern] + most
        case inspect.StrType():
            return f"text of {kind.min_length or 0} to {kind.max_length} characters"
        case inspect.IntType():
            return f"a whole number from {kind.ge} to {kind.le}"
        case inspect.LiteralType():
            return f"one of {', '.join(map(str, kind.values))}"
        case inspect.VarTupleType(item_type=inspect.AnyType()):
            return f"a list of {kind.max_length} values at most"
        case inspect.VarTupleType():
            return f"a list, each value {_words(kind.item_type)}"
        case inspect.BoolType():
            return "true or false"
        case inspect.DecimalType():
            return NUMBER
        case inspect.DateType():
            return DAY
        case inspect.DateTimeType():
            return MOMENT
    raise TypeError(f"no words for a {type(kind).__name__}")
