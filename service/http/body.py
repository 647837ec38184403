"""Request bodies: read up to a limit, decoded strictly, all that is wrong told at once."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from litestar import Request
from litestar.exceptions import HTTPException, InternalServerException
from msgspec import Raw, Struct

from service.domain.batches import Batch
from service.domain.changes import Table
from service.domain.faults import LISTED, Fault, refusal, table_faults
from service.domain.wanted import choices, wanted
from service.errors import InvalidRequest, PayloadTooLarge
from service.http.words import nearest, plain, quoted, unknown

S = TypeVar("S", bound=Struct)

_TABLES: Final[tuple[Table, ...]] = ("providers", "models", "pricing", "benchmarks")
_NESTED: Final = "the body nests too deep: no value goes deeper than a list of objects in an object"


async def read(request: Request[Any, Any, Any], limit: int, seconds: float) -> bytes:
    """The whole body. Raises `PayloadTooLarge` as soon as it is known to be over the limit.

    Raises `InvalidRequest` for one that has not arrived within so many seconds.
    """
    media = request.headers.get("content-type", "application/json").partition(";")[0].strip()
    if media.lower() != "application/json":
        raise InvalidRequest(f"the body must be application/json, not {quoted(media)}")
    if encoding := request.headers.get("content-encoding"):
        raise InvalidRequest(f"the body must come as it is, not encoded as {quoted(encoding)}")
    try:
        async with asyncio.timeout(seconds):
            return await request.body()
    except TimeoutError:
        raise InvalidRequest(
            f"the body did not arrive within {seconds:g} s: send it faster, or in parts"
        ) from None
    except InternalServerException:  # how the framework tells it
        raise InvalidRequest("the client went away before the whole body had arrived") from None
    except HTTPException as error:
        if error.status_code != 413:
            raise
        raise PayloadTooLarge(
            f"the body is larger than the {limit} bytes that are read: send it in parts"
        ) from None


def decode(body: bytes, kind: type[S]) -> S:
    """An object of a struct's type. Raises `InvalidRequest` with every fault, by field."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        members = _objects(body)
    found = [{"field": field, "message": message} for field, message in _faults(members, kind)]
    first = found[0]
    place = f"{first['field']}: " if first["field"] else ""
    raise InvalidRequest(
        f"{place}{first['message']}", {"faults": found[:LISTED], "total": len(found)}
    )


def decode_batch(body: bytes) -> Batch:
    """A batch. Raises `InvalidRequest` with every fault, by table, index and field."""
    try:
        return msgspec.json.decode(body, type=Batch)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        tables = _objects(body)
    faults: list[Fault] = []
    for name in tables:
        if name not in _TABLES:
            raise InvalidRequest(unknown("table", name, _TABLES))
    for table in _TABLES:
        faults += _table_faults(table, tables.get(table, Raw(b"[]")))
    if not faults:
        raise InvalidRequest("the body is not a batch")
    raise refusal(faults)


def _table_faults(table: Table, raw: Raw) -> Iterator[Fault]:
    try:
        rows = msgspec.json.decode(raw, type=list[Raw])
    except (msgspec.DecodeError, RecursionError):
        raise InvalidRequest(f"{table} must be a list of objects") from None
    kind = _row_type(table)
    decoder = msgspec.json.Decoder(kind)
    good: list[tuple[int, Any]] = []
    for index, row in enumerate(rows):
        try:
            good.append((index, decoder.decode(row)))
        except (msgspec.DecodeError, RecursionError):
            for field, message in _faults(_members(row), kind):
                yield Fault(table=table, index=index, field=field, message=message)
    yield from table_faults(table, good)


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
        member.decoder.decode(raw)
    except RecursionError:
        return "nests too deep"
    except msgspec.DecodeError:
        try:
            text, shown = msgspec.json.decode(raw, type=str), quoted
        except msgspec.DecodeError:
            text, shown = bytes(raw).decode(errors="replace"), plain
        near = nearest(text, choices(member.kind))
        return f"must be {wanted(member.kind)}, not {shown(text)}{near}"
    return None


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
