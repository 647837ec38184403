"""Query strings, read strictly into the query struct of an endpoint.

What a struct doesn't name, or names once and got twice, is refused: a filter that is ignored gives
a wrong answer that looks right. Every refusal names the parameter and says what would be right.
"""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec
from msgspec import inspect

from service.domain.decimals import DIGITS
from service.domain.queries import Query
from service.domain.text import whole
from service.domain.wanted import DAY, MOMENT
from service.errors import InvalidRequest
from service.http.rules import NOT_NEGATIVE, check
from service.http.words import nearest, quoted, unknown

Q = TypeVar("Q", bound=Query)

_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})|%")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
# Small numbers come as 1e-7 out of JavaScript and Python; an exponent that makes large ones, never.
_DECIMAL: Final = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,20})?([eE]-[0-9]{1,2})?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})"
)
# Lists in a query whose order means nothing.
_SETS: Final = (
    *("provider", "supports", "input_modalities", "output_modalities"),
    *("fields", "include", "facets"),
)


def parse(kind: type[Q], query_string: bytes, max_bytes: int = 8192) -> Q:
    """The query that a raw query string asks; raises `InvalidRequest`."""
    if len(query_string) > max_bytes:
        raise InvalidRequest(
            f"the query string has {len(query_string)} bytes: {max_bytes} at most are read"
        )
    parameters = parameters_of(kind)
    values: dict[str, Any] = {}
    for name, text in split(query_string):
        parameter = parameters.get(name)
        if parameter is None:
            raise InvalidRequest(unknown("parameter", name, parameters))
        if parameter.field in values:
            hint = ": separate several values by commas" if parameter.many else ""
            raise InvalidRequest(f"{name} is given more than once{hint}")
        values[parameter.field] = parameter.read(text)
    for parameter in parameters.values():
        if parameter.required and parameter.field not in values:
            raise InvalidRequest(f"{parameter.name} is required")
    query = kind(**values)
    check(query)
    return query


def check_id(id: str) -> None:
    """Refuse an id from a path that cannot be anyone's; raises `InvalidRequest`."""
    if len(id) > 300:
        raise InvalidRequest(f"the id in the path has {len(id)} characters: 300 at most are read")
    if _CONTROL.search(id):
        raise InvalidRequest("the id in the path holds a control character")


def parse_revision(text: bytes) -> int:
    """The value of a `Min-Revision` header; raises `InvalidRequest`."""
    if not re.fullmatch(rb"[0-9]{1,18}", text):
        raise InvalidRequest("Min-Revision is a whole number, as X-Revision of a write gives it")
    return int(text)


def split(query_string: bytes) -> Iterable[tuple[str, str]]:
    """Names and values of a query string, decoded; raises `InvalidRequest` for malformed ones."""
    for part in query_string.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            decoded = _decode(name, "a parameter's name")
            yield decoded, _decode(value, quoted(decoded))


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter: its name in the URL, the struct's field, and how a value is read."""

    name: str
    field: str
    required: bool
    many: bool
    kind: inspect.Type
    read: Callable[[str], Any]


@functools.cache
def parameters_of(kind: type[Query]) -> dict[str, Parameter]:
    """The parameters of a query struct by their names in the URL."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return {field.encode_name: _parameter(field) for field in info.fields}


def _parameter(field: inspect.Field) -> Parameter:
    kind = _plain(field.type)
    many = isinstance(kind, inspect.VarTupleType)
    name = field.encode_name
    read = _list(name, kind) if isinstance(kind, inspect.VarTupleType) else _scalar(name, kind)
    return Parameter(name, field.name, field.required, many, kind, read)


def _plain(kind: inspect.Type) -> inspect.Type:
    """The type without its description and without None, which a URL cannot say."""
    if isinstance(kind, inspect.Metadata):
        return _plain(kind.type)
    if isinstance(kind, inspect.UnionType):
        (kind,) = (one for one in kind.types if not isinstance(one, inspect.NoneType))
        return _plain(kind)
    return kind


def _list(name: str, kind: inspect.VarTupleType) -> Callable[[str], Any]:
    one = _scalar(name, _plain(kind.item_type))

    def read(text: str) -> tuple[Any, ...]:
        items = text.split(",")
        if "" in items:
            raise _wrong(name, "values separated by single commas, none of them empty", text)
        if kind.max_length is not None and len(items) > kind.max_length:
            raise InvalidRequest(f"{name} has {len(items)} values: {kind.max_length} at most")
        return tuple(one(item) for item in items)

    return read


def _scalar(name: str, kind: inspect.Type) -> Callable[[str], Any]:
    """The function that reads one value of a type; raises `InvalidRequest`."""
    match kind:
        case inspect.StrType():
            return functools.partial(_text, name, kind)
        case inspect.LiteralType():
            return functools.partial(_choice, name, frozenset(map(str, kind.values)))
        case inspect.IntType():
            return functools.partial(_whole, name, kind)
        case inspect.DecimalType():
            return functools.partial(_decimal, name)
        case inspect.BoolType():
            return lambda text: _choice(name, frozenset(("true", "false")), text) == "true"
        case inspect.DateType():
            return functools.partial(_date, name)
        case inspect.DateTimeType():
            return functools.partial(_moment, name)
    raise TypeError(f"{name}: no way to read a {type(kind).__name__} from a URL")


def _text(name: str, kind: inspect.StrType, text: str) -> str:
    least, most = kind.min_length or 0, kind.max_length or 1000
    if not least <= len(text) <= most:
        raise InvalidRequest(f"{name} must have {least} to {most} characters, not {len(text)}")
    if not text.strip():
        raise InvalidRequest(f"{name} must hold more than spaces")
    return text


def _choice(name: str, choices: frozenset[str], text: str) -> str:
    if text not in choices:
        wanted = f"one of {', '.join(sorted(choices))}"
        raise _wrong(name, wanted, text, nearest(text, choices))
    return text


def _decimal(name: str, text: str) -> Decimal:
    wanted = f"a decimal number like 2.5, with up to {DIGITS} digits on a side"
    if not _DECIMAL.fullmatch(text):
        raise _wrong(name, wanted, text)
    number = Decimal(text)
    if number != round(number, DIGITS):
        raise _wrong(name, wanted, text)
    if number < 0 and name in NOT_NEGATIVE:
        raise _wrong(name, "0 or more", text)
    return number


def _whole(name: str, kind: inspect.IntType, text: str) -> int:
    least, most = kind.ge, kind.le
    wanted = "a whole number"
    if least is not None:
        wanted += f" from {least} to {most}" if most is not None else f" of {least} or more"
    number = whole(text)
    if (
        number is None
        or (least is not None and number < least)
        or (most is not None and number > most)
    ):
        raise _wrong(name, wanted, text)
    return number


def _date(name: str, text: str) -> datetime.date:
    try:
        if _DATE.fullmatch(text):
            return datetime.date.fromisoformat(text)
    except ValueError:
        pass
    raise _wrong(name, DAY, text)


def _moment(name: str, text: str) -> datetime.datetime:
    try:
        if _MOMENT.fullmatch(text):
            return datetime.datetime.fromisoformat(text).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        pass
    raise _wrong(name, MOMENT, text)


def _wrong(name: str, wanted: str, text: str, hint: str = "") -> InvalidRequest:
    got = f"not {quoted(text)}" if text else "and not empty"
    return InvalidRequest(f"{name} must be {wanted}, {got}{hint}")


def _decode(raw: bytes, what: str) -> str:
    """Percent-decode without forgiving anything: what is malformed was not meant."""

    def byte(match: re.Match[bytes]) -> bytes:
        if match[1] is None:
            raise InvalidRequest(f"{what} has a % without two hexadecimal digits: write % as %25")
        return bytes.fromhex(match[1].decode())

    try:
        text = _ESCAPE.sub(byte, raw.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise InvalidRequest(f"{what} is not UTF-8") from None
    if _CONTROL.search(text):
        raise InvalidRequest(f"{what} holds a control character")
    return text


def canonical(query: Query) -> Query:
    """The same question in one spelling: lists whose order means nothing are sorted."""
    changed = {}
    for name in _SETS:
        if value := getattr(query, name, ()):
            changed[name] = tuple(sorted(set(value)))
    return msgspec.structs.replace(query, **changed) if changed else query
