"""Locks on fields that a person set."""

from __future__ import annotations

from service.application.answers import page, written
from service.domain.answers import Answer
from service.domain.changes import Table
from service.domain.locks import Lock, LockQuery
from service.domain.values import timestamp
from service.errors import InvalidRequest, NotFound
from service.storage import locks as stored
from service.storage.database import Database, Value
from service.storage.tables import BY_NAME, TableSpec
from service.storage.writing import Author


def key(table: TableSpec, id: str) -> Value:
    """The id of a row as it is stored. Raises `NotFound` where no row can have it."""
    if not table.numbered:
        return id
    if not (id.isascii() and id.isdecimal() and len(id) < 19 and id == str(int(id))):
        raise NotFound(f"there is no row {id} in {table.name}: its ids are numbers")
    return int(id)


def find_table(name: str) -> TableSpec:
    """A table by its name. Raises `NotFound`."""
    table = BY_NAME.get(name)
    if table is None:
        raise NotFound(f"there is no table {name}: there are {', '.join(BY_NAME)}")
    return table


def check_field(table: TableSpec, field: str) -> None:
    """Raise `InvalidRequest` unless the table has a field that can be locked by this name."""
    if field not in table.fields:
        raise InvalidRequest(
            f"{field} cannot be locked in {table.name}: {', '.join(table.fields)} can"
        )


async def put_lock(
    writer: Database, table: Table, id: str, field: str, *, author: Author
) -> Answer[Lock]:
    """Lock a field against ingest; locked already, it stays as it is. Raises `NotFound`."""
    spec = find_table(table)
    check_field(spec, field)
    revision, lock = await stored.put(writer, spec, key(spec, id), field, author)
    if lock is None:
        raise NotFound(f"there is no row {id} in {table}")
    return written(lock, revision, lock.locked_at)


async def delete_lock(
    writer: Database, table: Table, id: str, field: str, *, author: Author
) -> Answer[Lock]:
    """Leave a field to ingest again; the lock that was. Raises `NotFound` where there is none."""
    spec = find_table(table)
    check_field(spec, field)
    revision, lock = await stored.delete(writer, spec, key(spec, id), field, author)
    if lock is None:
        raise NotFound(f"{field} of {id} in {table} is not locked")
    return written(lock, revision, timestamp(author.now))


async def list_locks(reader: Database, query: LockQuery) -> Answer[list[Lock]]:
    """A page of locks."""
    found = await stored.page(reader, query)
    return page(
        found.locks, found.snapshot, total=found.total, page=query.page, page_size=query.page_size
    )
