"""Bodies decoded strictly, all that is wrong told at once. Knows nothing of the framework."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Generator, Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from msgspec import Raw, Struct

from service.domain import decimals
from service.domain.batches import BATCHED, Batch
from service.domain.changes import Table
from service.domain.faults import LISTED, Fault, refusal, table_faults
from service.domain.wanted import choices, wanted
from service.errors import InvalidRequest
from service.http.words import nearest, plain, quoted, unknown

S = TypeVar("S", bound=Struct)

_QUOTED: Final = re.compile(rb'(?:Price|score|Low|High)"\s*:\s*"')
_NESTED: Final = "the body nests too deep: no value goes deeper than a list of objects in an object"


def decode(body: bytes, kind: type[S]) -> S:
    """An object of a struct's type. Raises `InvalidRequest` with every fault, by field."""
    try:
        read = msgspec.json.decode(body or b"{}", type=kind)
        if not _doubtful(body):
            return read
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        read = None
    members = _objects(body)
    found = [{"field": field, "message": message} for field, message in _faults(members, kind)]
    if read is not None and not found:
        return read
    first = found[0]
    place = f"{first['field']}: " if first["field"] else ""
    raise InvalidRequest(
        f"{place}{first['message']}", {"faults": found[:LISTED], "total": len(found)}
    )


def decode_batch(body: bytes) -> Generator[None, None, Batch]:
    """A batch. Raises `InvalidRequest` with every fault, by table, index and field.

    Yields after each row.
    """
    if not body:
        raise InvalidRequest("the body is not a batch: it is empty")
    tables = _objects(body)
    for name in tables:
        if name not in BATCHED:
            raise InvalidRequest(unknown("table", name, BATCHED))
    read: dict[Table, _Rows] = {}
    for table in BATCHED:
        read[table] = yield from _read_table(table, tables.get(table, Raw(b"[]")))
    if any(rows.faults for rows in read.values()):
        faults: list[Fault] = []
        for table, rows in read.items():
            faults += rows.faults
            faults += yield from table_faults(table, rows.good)
        raise refusal(faults)
    return Batch(**{table: tuple(row for _, row in rows.good) for table, rows in read.items()})


class _Rows(NamedTuple):
    """The rows of a table, each with its place, and what is wrong with those that are none."""

    good: list[tuple[int, Any]]
    faults: list[Fault]


def _read_table(table: Table, raw: Raw) -> Generator[None, None, _Rows]:
    try:
        rows = msgspec.json.decode(raw, type=list[Raw])
    except (msgspec.DecodeError, RecursionError):
        raise InvalidRequest(f"{table} must be a list of objects") from None
    kind = _row_type(table)
    decoder = msgspec.json.Decoder(kind)
    found = _Rows([], [])
    for index, row in enumerate(rows):
        wrong: list[tuple[str | None, str]] = []
        try:
            read = decoder.decode(row)
            if _doubtful(bytes(row)):
                wrong += _faults(_members(row), kind)
        except (msgspec.DecodeError, RecursionError):
            wrong += _faults(_members(row), kind)
        if not wrong:
            found.good.append((index, read))
        for field, message in wrong:
            found.faults.append(Fault(table=table, index=index, field=field, message=message))
        yield
    return found


def _doubtful(row: bytes) -> bool:
    """Whether a figure comes as text, of which msgspec takes more than numbers for one."""
    return _QUOTED.search(row) is not None or b"\\u" in row


def _row_type(table: Table) -> type[Struct]:
    (kind,) = (field.type for field in msgspec.structs.fields(Batch) if field.name == table)
    row: type[Struct] = kind.__args__[0]
    return row


class _Member(NamedTuple):
    """A member of a struct as JSON has it."""

    kind: Any
    decoder: msgspec.json.Decoder[Any]
    required: bool


@functools.cache
def _members_of(kind: type[Struct]) -> dict[str, _Member]:
    return {
        field.encode_name: _Member(field.type, msgspec.json.Decoder(field.type), field.required)
        for field in msgspec.structs.fields(kind)
    }


def _faults(given: dict[str, Raw] | str, kind: type[Struct]) -> Iterator[tuple[str | None, str]]:
    """What is wrong with an object: unknown, missing and mistyped members, or all in all."""
    if isinstance(given, str):
        yield None, given
        return
    known = _members_of(kind)
    found = False
    for name, raw in given.items():
        member = known.get(name)
        if member is None:
            found = True
            yield name, unknown("field", name, known)
        elif message := _mistyped(member, raw):
            found = True
            yield name, message
    for name, member in known.items():
        if member.required and name not in given:
            found = True
            yield name, "is required"
    if not found:
        try:
            msgspec.json.decode(msgspec.json.encode(given), type=kind)
        except msgspec.ValidationError as error:
            yield None, str(error)


def _mistyped(member: _Member, raw: Raw) -> str | None:
    try:
        text, shown = msgspec.json.decode(raw, type=str), quoted
    except (msgspec.DecodeError, RecursionError):
        text, shown = bytes(raw).decode(errors="replace"), plain
    try:
        read = member.decoder.decode(raw)
        # A number as text is one that a person would write, not all that `Decimal` takes.
        if shown is plain or not isinstance(read, Decimal) or decimals.plain(text) is not None:
            return None
    except RecursionError:
        return "nests too deep"
    except msgspec.DecodeError:
        pass
    near = nearest(text, choices(member.kind))
    return f"must be {wanted(member.kind)}, not {shown(text)}{near}"


def _members(raw: Raw) -> dict[str, Raw] | str:
    try:
        return msgspec.json.decode(raw, type=dict[str, Raw])
    except (msgspec.DecodeError, RecursionError):
        return "must be an object"


def _objects(body: bytes) -> dict[str, Raw]:
    """The members of the body's object, each as it is."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"the body is not UTF-8: see its byte {error.start}") from None
    try:
        return msgspec.json.decode(body or b"{}", type=dict[str, Raw])
    except RecursionError:
        raise InvalidRequest(_NESTED) from None
    except msgspec.ValidationError:
        raise InvalidRequest("the body must be a JSON object") from None
    except msgspec.DecodeError as error:
        raise _malformed(body, error) from None


class _Constant(str):
    """NaN or an infinity, which JSON does not have and Python's reader knows."""

    __slots__ = ()


def _malformed(body: bytes, error: msgspec.DecodeError) -> InvalidRequest:
    """Why a body is no JSON; a number that is none is told by its place."""
    try:
        document = json.loads(body, parse_constant=_Constant, parse_int=str, parse_float=str)
    except RecursionError:
        return InvalidRequest(_NESTED)
    except ValueError:
        return InvalidRequest(f"the body is not JSON: {error}")
    places = [f"{place} is {name}" for place, name in _constants(document, "")]
    if not places:
        return InvalidRequest(f"the body is not JSON: {error}")
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return InvalidRequest(
        f"{places[0]}{more}: JSON has no such number, give a decimal or null",
        {"faults": [{"message": place} for place in places[:LISTED]], "total": len(places)},
    )


def _constants(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, _Constant):
        yield place or "the body", str(value)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _constants(one, f"{place}.{name}" if place else name)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _constants(one, f"{place}[{index}]")
