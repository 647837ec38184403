"""`aicompare pull`: the catalogue of a running service in a database of one's own."""

from __future__ import annotations

import asyncio
import datetime
import secrets
from collections.abc import Mapping
from typing import Any, Final

import click
import msgspec

from service.commands.database import database_options
from service.commands.primary import Primary
from service.domain.benchmarks import Score
from service.domain.models import Model
from service.domain.pricing import Price
from service.domain.providers import Provider
from service.errors import Conflict, ServiceError
from service.operations.portable import Place
from service.sources.tables import read_lines, struct_of
from service.storage import copying, migrate
from service.storage.database import Value
from service.storage.tables import BY_NAME, TableSpec, given_values, stored
from service.storage.writing import Author

# Each table, what is read of it, and what asks for all of it.
_TABLES: Final[Mapping[str, tuple[type[msgspec.Struct], str]]] = {
    "providers": (Provider, ""),
    "models": (Model, "?deprecated=any"),
    "pricing": (Price, ""),
    "benchmarks": (Score, ""),
}
_ALWAYS: Final = ("id", "created_at", "updated_at")
# How often it begins anew when the service was written to meanwhile.
_TRIES: Final = 5
_PAGE: Final = 1000

Rows = dict[str, list[list[Value]]]


@click.command()
@database_options
@click.argument("url", metavar="URL")
def pull(database_url: str, database_token: str | None, url: str) -> None:
    """Clone the catalogue of the service at URL into an empty database: all of it, or nothing.

    Providers, models, prices with their history, scores, with the same ids and times; neither
    what was deleted nor the log of changes, nor anything that needs a token.
    """
    place = Place(database_url, database_token)
    revision, rows = asyncio.run(_pull(Primary(url, None), place))
    for table, found in rows.items():
        click.echo(f"{len(found):>10,}  {table}")
    click.echo(f"pulled {url} as it was at revision {revision} into {database_url}")


async def _pull(service: Primary, place: Place) -> tuple[int, Rows]:
    async with place.open(create=True) as database:
        await migrate.up(database, migrate.load(migrate.folder(database.engine)))
        before = await copying.look(database, copying.TABLES)
        if before.rows:
            raise Conflict(
                f"the database is not empty ({before.rows:,} rows): name another one with "
                "--database-url file:NAME.db"
            )
        async with service:
            revision, rows = await _read(service)
        columns = {table: _columns(BY_NAME[table]) for table in rows}
        await copying.begin(database)
        import_id = secrets.token_hex(8)
        for table, found in rows.items():
            for at in range(0, len(found), _PAGE):
                page = msgspec.json.encode(found[at : at + _PAGE])
                await copying.stage(database, import_id, table, at, page)
        author = Author("pull", datetime.datetime.now(datetime.UTC))
        await copying.add(database, author, import_id, columns, before)
    return revision, rows


async def _read(service: Primary) -> tuple[int, Rows]:
    """All rows of one revision, and which."""
    before = await _revision(service)
    for _ in range(_TRIES):
        rows = {}
        for table, (kind, every) in _TABLES.items():
            content = await service.read(f"/v1/export/{table}.csv{every}")
            try:
                rows[table] = _rows(BY_NAME[table], kind, content)
            except (msgspec.ValidationError, ValueError, ServiceError):
                raise _no_service(service) from None
        after = await _revision(service)
        if after == before:
            return after, rows
        before = after
    raise ServiceError(f"{service.url} is being written to: try again later")


async def _revision(service: Primary) -> int:
    content = await service.read("/v1/status")
    try:
        return int(msgspec.json.decode(content)["data"]["revision"])
    except (msgspec.DecodeError, ValueError, TypeError, KeyError):
        raise _no_service(service) from None


def _no_service(service: Primary) -> ServiceError:
    return ServiceError(f"{service.url} answers, but not as an AICompare service of this version")


def _columns(table: TableSpec) -> list[str]:
    return list(dict.fromkeys((*_ALWAYS, *table.key, *table.columns)))


def _rows(table: TableSpec, kind: type[msgspec.Struct], content: bytes) -> list[list[Value]]:
    _, lines = read_lines(content.decode())
    return [_values(table, struct_of(kind, line.cells)) for line in lines]


def _values(table: TableSpec, row: Any) -> list[Value]:
    """A row as it is stored, in the order of the columns."""
    found = given_values(table, row)
    for column in (*_ALWAYS, *table.key):
        found[column] = stored(getattr(row, column))
    return [found.get(column) for column in _columns(table)]
