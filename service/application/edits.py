"""Edits by hand: all of a row, some of it, its deletion and its return."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from service.application.answers import written
from service.application.locks import find_table, key
from service.domain.answers import Answer
from service.domain.changes import Table
from service.domain.faults import rules
from service.domain.models import OwnId
from service.domain.providers import ProviderId
from service.errors import Conflict, InvalidRequest, NotFound, PreconditionFailed
from service.storage import edits as stored
from service.storage.database import Database, Value
from service.storage.edits import Edited
from service.storage.tables import MODELS, PROVIDERS, TableSpec, given_values
from service.storage.writing import Author


class Put(NamedTuple):
    """The answer to PUT, and whether it made the row."""

    answer: Answer[Any]
    created: bool


async def put(
    writer: Database,
    table: Table,
    id: str,
    body: Struct,
    *,
    author: Author,
    version: int | None = None,
    lock: bool = True,
) -> Put:
    """Set all of a row, and lock what is given; make a provider or model that is not there.

    `version` is a revision after which the row must not have changed. Raises `InvalidRequest` for
    values that cannot be, `NotFound`, `PreconditionFailed` and `Conflict`.
    """
    spec, own = _find(table, id)
    values, locked = _checked(spec, body)
    keys: dict[str, Value] = {"id": own}
    if spec is MODELS:
        provider, _, model = id.partition("/")
        keys |= {"provider_id": provider, "model_id": model}
    if not spec.numbered:
        _check_id(spec, id)
    try:
        edited = await stored.put(
            writer, spec, keys, values, author, version, locked=locked if lock else ()
        )
    except Conflict as error:
        raise _explained(spec, id, error) from None
    return Put(_answer(spec, id, edited, author), created=not edited.existed)


async def patch(
    writer: Database,
    table: Table,
    id: str,
    body: Struct,
    *,
    author: Author,
    version: int | None = None,
    lock: bool = True,
) -> Answer[Any]:
    """Set some of a row, and lock it. Raises as `put` does."""
    spec, own = _find(table, id)
    values, locked = _checked(spec, body)
    try:
        edited = await stored.patch(
            writer, spec, own, values, author, version, locked=locked if lock else ()
        )
    except Conflict as error:
        raise _explained(spec, id, error) from None
    return _answer(spec, id, edited, author)


async def delete(
    writer: Database, table: Table, id: str, *, author: Author, version: int | None = None
) -> Answer[Any]:
    """Delete a row softly, and with a provider or model all that belongs to it from sight.

    Raises `NotFound` and `PreconditionFailed`.
    """
    spec, own = _find(table, id)
    return _answer(spec, id, await stored.delete(writer, spec, own, author, version), author)


async def restore(
    writer: Database, table: Table, id: str, *, author: Author, version: int | None = None
) -> Answer[Any]:
    """Bring a deleted row back; one that is there stays as it is. Raises as `delete` does."""
    spec, own = _find(table, id)
    edited = await stored.restore(writer, spec, own, author, version)
    return _answer(spec, id, edited._replace(deleted=False), author)


def _find(table: Table, id: str) -> tuple[TableSpec, Value]:
    spec = find_table(table)
    return spec, key(spec, id)


def _checked(table: TableSpec, body: Struct) -> tuple[dict[str, Value], list[str]]:
    """What a body sets, by column, and the fields that it names."""
    if faults := [{"field": field, "message": message} for field, message in rules(body)]:
        first = "{field} {message}".format(**faults[0])
        raise InvalidRequest(first, {"faults": faults, "total": len(faults)})
    names = zip(body.__struct_encode_fields__, body.__struct_fields__, strict=True)
    given = [name for name, field in names if getattr(body, field) is not msgspec.UNSET]
    return dict(given_values(table, body)), given


def _check_id(table: TableSpec, id: str) -> None:
    provider, _, model = id.partition("/")
    try:
        msgspec.convert(id if table is PROVIDERS else provider, ProviderId)
        if table is MODELS:
            msgspec.convert(model, OwnId)
    except msgspec.ValidationError:
        raise InvalidRequest(f"{id!r} cannot be an id in {table.name}: see /docs") from None


def _explained(table: TableSpec, id: str, error: Conflict) -> Conflict:
    kind = error.details.get("constraint") if isinstance(error.details, dict) else None
    if kind == "foreign_key":
        return Conflict(f"there is no provider {id.partition('/')[0]}: make it first")
    if kind == "check" and table.name == "pricing":
        return Conflict(
            "state free needs input and output prices of 0, and state unknown none: change both"
        )
    if kind == "check" and table.name == "benchmarks":
        return Conflict("score must lie between scoreLow and scoreHigh: change them together")
    return error


def _answer(table: TableSpec, id: str, edited: Edited, author: Author) -> Answer[Any]:
    if edited.row is None or not (edited.existed or not table.numbered):
        if not edited.current:
            raise PreconditionFailed(f"there is no {id} in {table.name} for If-Match to match")
        raise NotFound(f"there is no row {id} in {table.name}")
    if edited.deleted:
        raise NotFound(f"{id} in {table.name} was deleted: POST …/restore brings it back")
    if not edited.current:
        raise PreconditionFailed(
            "the row has changed since the version that If-Match names: details hold it as it is",
            {"current": edited.row, "revision": edited.revision},
        )
    return written(edited.row, edited.revision, author.moment)
