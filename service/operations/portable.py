"""`export` and `import`: a database as a folder of NDJSON, from and into any engine, exact."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from service.domain.values import timestamp
from service.errors import Conflict, DatabaseUnusable
from service.operations.manifest import (
    Manifest,
    TableFile,
    Unusable,
    check_files,
    path_of,
    read_manifest,
)
from service.storage import copying, migrate
from service.storage.copying import Column, Columns
from service.storage.database import Database, DatabaseOptions, Row
from service.storage.frozen import Frozen, dump_native, freeze
from service.storage.opening import open_database

# Seconds that one step may take, of any size that was seen so far.
DEADLINE: Final = 3600.0
# What `pg_dump` wrote, for `pg_restore`.
NATIVE: Final = "postgres.dump"


@dataclass(frozen=True, slots=True)
class Place:
    """A database by its URL, and the token for it."""

    url: str
    token: str | None = None

    def options(self, *, create: bool = False) -> DatabaseOptions:
        """For work that takes as long as it takes."""
        return DatabaseOptions(
            token=self.token, read_only=False, deadline=DEADLINE, pool_size=1, create=create
        )

    @asynccontextmanager
    async def open(self, *, create: bool = False) -> AsyncIterator[Database]:
        """The database, open for writing."""
        database = open_database(self.url, self.options(create=create))
        try:
            yield database
        finally:
            await database.close()


async def export(place: Place, folder: Path, *, pg_dump: str | None = None) -> Manifest:
    """Write a database as it is now into a folder that is new or empty.

    It has another name until it is whole. `pg_dump` is the program that writes the same state of a
    Postgres beside it. Raises `DatabaseUnusable` for a folder that is in use.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DatabaseUnusable(f"{folder} is not empty: name a new folder")
    partial = folder.with_name(f".{folder.name}.partial-{secrets.token_hex(4)}")
    try:
        partial.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise DatabaseUnusable(f"{folder} cannot be made: {error.strerror}") from None
    try:
        async with _frozen(place) as state:
            manifest = await describe(state, partial)
            if pg_dump and state.engine == "postgres":
                await dump_native(pg_dump, place.url, state, partial / NATIVE)
        manifest.write(partial)
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    except OSError as error:
        raise DatabaseUnusable(f"{folder} cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


async def examine(place: Place) -> Manifest:
    """What an export of a database as it is now would say, none being made."""
    async with _frozen(place) as state:
        return await describe(state, None)


@asynccontextmanager
async def _frozen(place: Place) -> AsyncIterator[Frozen]:
    with tempfile.TemporaryDirectory(prefix="aicompare-") as scratch:
        async with freeze(place.url, place.options(), Path(scratch)) as state:
            yield state


async def describe(state: Frozen, folder: Path | None) -> Manifest:
    """Read all tables of a state, into a folder if there is one."""
    known = migrate.load(migrate.folder(state.engine))
    schema = await migrate.inspect(state, known)
    migrate.tolerate(schema)
    columns = await copying.columns_of(state)
    if missing := set(copying.TABLES) - set(columns):
        raise DatabaseUnusable(f"there is no table {min(missing)}: run `aicompare migrate up`")
    tables = []
    for table in columns:
        path = path_of(folder, table) if folder else Path(os.devnull)
        tables.append(await _write(state, table, columns[table], path))
    return Manifest(
        made_at=timestamp(datetime.now(UTC)),
        engine=state.engine,
        schema=(*(m.version for m in schema.applied), *(version for version, *_ in schema.unknown)),
        revision=(await copying.look(state, columns)).revision,
        tables=tuple(tables),
        secrets=copying.SECRET,
    ).signed()


async def _write(state: Frozen, table: str, columns: Sequence[Column], path: Path) -> TableFile:
    digest, count, size = hashlib.sha256(), 0, 0
    names = [column.name for column in columns]
    with path.open("wb") as file:
        async for rows in copying.read(state, table, columns):
            lines = [msgspec.json.encode(dict(zip(names, row, strict=True))) for row in rows]
            piece = b"\n".join(lines) + b"\n"
            file.write(piece)
            digest.update(piece)
            count, size = count + len(rows), size + len(piece)
        file.flush()
        if path != Path(os.devnull):
            os.fsync(file.fileno())
    return TableFile(table, count, size, digest.hexdigest())


KeepAside = Callable[[], Awaitable[str]]


async def import_(
    folder: Path, place: Place, *, force: bool = False, keep: KeepAside | None = None
) -> Manifest:
    """Fill a database with an export, in one transaction, and compare it with what was exported.

    A database without a schema gets one. One that is not empty is refused unless `force` says
    otherwise; `keep` is then called before it is replaced. Raises `Unusable` for an export that is
    not whole, with nothing changed.
    """
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    async with place.open(create=True) as database:
        known = migrate.load(migrate.folder(database.engine))
        await migrate.up(database, known)
        await migrate.check(database, known)
    current = {migration.version for migration in known}
    if newer := set(manifest.schema) - current:
        raise Unusable(f"{folder} was made with migration {max(newer)}: a newer version has that")
    if current != set(manifest.schema):
        with tempfile.TemporaryDirectory(prefix="aicompare-") as scratch:
            upgraded = Path(scratch) / "upgraded"
            await _upgrade(folder, manifest, Place((Path(scratch) / "old.db").as_uri()), upgraded)
            return await import_(upgraded, place, force=force, keep=keep)
    async with place.open() as database:
        await _put(folder, manifest, database, force=force, keep=keep)
    await compare(manifest, place)
    return manifest


async def _upgrade(folder: Path, manifest: Manifest, scratch: Place, upgraded: Path) -> None:
    """Bring an export of an older schema up to the current one, in a database made for that."""
    async with scratch.open(create=True) as database:
        known = migrate.load(migrate.folder("sqlite"))
        await migrate.up(database, known, to=max(manifest.schema))
        await _put(folder, manifest, database, force=False, keep=None)
        await migrate.up(database, known)
    await export(scratch, upgraded)


async def _put(
    folder: Path, manifest: Manifest, database: Database, *, force: bool, keep: KeepAside | None
) -> None:
    columns = await copying.columns_of(database)
    before = await copying.look(database, columns)
    if before.rows and not force:
        raise Conflict(
            f"the database is not empty ({before.rows:,} rows): name another one, or replace it "
            "with --force"
        )
    await copying.begin(database)
    import_id = secrets.token_hex(8)
    for table in manifest.tables:
        await _stage(database, import_id, table.name, path_of(folder, table.name), columns)
    if before.rows and keep:  # last, so that little can be written in between
        before = await copying.look(database, columns)
        await keep()
    await copying.replace(database, import_id, columns, manifest.rows, before)


async def _stage(
    database: Database, import_id: str, table: str, path: Path, columns: Columns
) -> None:
    names = sorted(column.name for column in columns.get(table, ()))
    page: list[bytes] = []
    size = place = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            row: dict[str, Any] = msgspec.json.decode(line)
            if sorted(row) != names:
                raise Unusable(f"{path}, line {number}, has other columns than this schema")
            values: Row = tuple(row[column.name] for column in columns[table])
            page.append(msgspec.json.encode(values))
            size += len(page[-1])
            if size > copying.PAGE_BYTES:
                await copying.stage(database, import_id, table, place, _array(page))
                page, size, place = [], 0, place + 1
    if page:
        await copying.stage(database, import_id, table, place, _array(page))


def _array(page: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(page) + b"]"


async def compare(manifest: Manifest, place: Place) -> None:
    """Raise `DatabaseUnusable` where a database is not what a manifest says."""
    found = await examine(place)
    differ = [
        f"{table.name} ({other.rows:,} rows, not {table.rows:,})"
        for table, other in zip(manifest.tables, found.tables, strict=True)
        if table != other
    ]
    if differ or found.revision != manifest.revision:
        raise DatabaseUnusable(
            f"the database differs from what it was made of: {', '.join(differ)}, revision "
            f"{found.revision}, not {manifest.revision}"
        )
