"""A SQLite file inside this process, for developers and one-machine installs.

apsw rather than the standard library: it brings its own current SQLite, the same on every machine,
where the system's may be years older than the one in the libSQL server.

A small read is over in some 10 µs, a tenth of what handing it to a thread costs; a slow one must
not hold up the event loop. So each read is first tried in place, within a budget; one that does
not get by with it runs in a thread, and for a while so do later ones of the same name.
"""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

import apsw

from service.errors import DatabaseUnusable, ServiceError, Unavailable
from service.storage.database import (
    PING,
    READ_ONLY,
    DatabaseOptions,
    Engine,
    Result,
    Row,
    SchemaMissing,
    Statement,
    check_params,
    missing_table,
    sqlite_conflict,
)
from service.storage.threads import LOST, ConnectionThreads, forget

# Seconds that a read may hold up the event loop, and that a slow one goes straight to a thread.
_BUDGET = 0.001
_REMEMBER_SLOW = 60.0
# SQLite's steps between two looks at the clock: some 10 µs.
_STEPS = 500
_CACHED_STATEMENTS = 256
# Of each connection. What is not in it is mostly in the system's own cache, at 1 µs a page: four
# times as much made queries 5 % faster at a hundred times the catalogue.
_CACHE_KIB = 8 * 1024


class SqliteDatabase:
    """The `Database` protocol over one file; see there for the contract."""

    engine: Engine = "sqlite"

    def __init__(self, url: str, options: DatabaseOptions) -> None:
        self._path = file_path(url)
        self._options = options
        self._quick: apsw.Connection | None = None
        self._quick_until = 0.0
        self._slow: dict[str, float] = {}
        self._closed = False
        deadline = options.deadline
        self._readers = ConnectionThreads(options.pool_size, deadline, self._connect_reader)
        self._writer = ConnectionThreads(1, deadline, self._connect_writer)

    async def fetch(self, *statements: Statement) -> list[list[Row]]:
        check_params(statements)
        try:
            rows = self._fetch_in_place(statements)
            if rows is None:
                rows = await self._readers.run(lambda connection: _read(connection, statements))
        except apsw.Error as error:
            raise self._translate(error) from None
        return rows

    async def batch(self, *statements: Statement) -> list[Result]:
        check_params(statements)
        if self._options.read_only:
            raise DatabaseUnusable(READ_ONLY)
        try:
            return await self._writer.run(lambda connection: _write(connection, statements))
        except apsw.Error as error:
            raise self._translate(error) from None

    async def script(self, *parts: Statement | str) -> None:
        await self.batch(
            *(Statement("script", part) if isinstance(part, str) else part for part in parts)
        )

    async def ping(self) -> None:
        await self.fetch(PING)

    async def close(self) -> None:
        self._closed = True
        if self._quick:
            self._quick.close()
            self._quick = None
        await self._readers.close()
        # The writer last: with the last connection SQLite tidies up its log, if it may write.
        await self._writer.close()

    def _fetch_in_place(self, statements: tuple[Statement, ...]) -> list[list[Row]] | None:
        """Rows, or None when that takes longer than the budget allows."""
        start = time.monotonic()
        for statement in statements:
            if self._slow.get(statement.name, 0.0) > start:
                return None
        connection = self._quick or self._connect_quick()
        self._quick_until = start + _BUDGET
        rows = None
        try:
            rows = _read(connection, statements)
        except (apsw.InterruptError, apsw.BusyError):
            pass
        except LOST:
            self._quick = None
            forget(connection)
            raise
        finally:
            if self._quick and connection.in_transaction:
                connection.execute("ROLLBACK")
        now = time.monotonic()
        if now > self._quick_until:
            for statement in statements:
                self._slow[statement.name] = now + _REMEMBER_SLOW
        return rows

    def _connect_quick(self) -> apsw.Connection:
        if self._closed:
            raise Unavailable("the database was closed")
        connection = self._connect_reader()
        connection.set_busy_timeout(0)
        connection.set_progress_handler(lambda: time.monotonic() > self._quick_until, _STEPS)
        self._quick = connection
        return connection

    def _connect_reader(self) -> apsw.Connection:
        # query_only holds where the file had to be made, and may be, by a reader.
        create = self._options.create
        connection = self._connect(
            apsw.SQLITE_OPEN_READWRITE if create else apsw.SQLITE_OPEN_READONLY
        )
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _connect_writer(self) -> apsw.Connection:
        connection = self._connect(apsw.SQLITE_OPEN_READWRITE)
        connection.execute("PRAGMA journal_mode = WAL")
        # NORMAL would lose the last commits when power fails; nothing acknowledged is ever lost.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _connect(self, mode: int) -> apsw.Connection:
        if self._options.create:
            mode |= apsw.SQLITE_OPEN_CREATE
        connection = apsw.Connection(str(self._path), mode, statementcachesize=_CACHED_STATEMENTS)
        connection.set_busy_timeout(int(self._options.deadline * 1000))
        # Otherwise a misspelt "column" would quietly be text, here and nowhere else.
        connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
        connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
        # No mmap_size: a disk error in a mapped page kills the process instead of the query.
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        connection.execute("PRAGMA temp_store = MEMORY")
        return connection

    def _translate(self, error: apsw.Error) -> ServiceError:
        path, message = self._path, str(error)
        match error:
            case apsw.ConstraintError() | apsw.MismatchError():
                return sqlite_conflict(message)
            case apsw.BusyError() | apsw.LockedError():
                return Unavailable("the database is locked by another process")
            case apsw.InterruptError():
                return Unavailable(f"no answer within {self._options.deadline:g} s")
            case apsw.CantOpenError() | apsw.IOError() if os.path.isdir(path):
                return DatabaseUnusable(f"{path} is a folder: name a file")
            case apsw.CantOpenError():
                return _cannot_open(path)
            case apsw.ReadOnlyError() if _writable(path):
                return DatabaseUnusable(READ_ONLY)
            case apsw.ReadOnlyError() | apsw.PermissionsError():
                return DatabaseUnusable(
                    f"{path} cannot be written: make the file and its folder writable"
                )
            case apsw.NotADBError():
                return DatabaseUnusable(f"{path} is not a SQLite database: name another file")
            case apsw.CorruptError():
                return DatabaseUnusable(
                    f"{path} is corrupt: restore it: `aicompare backup restore`"
                )
            case apsw.FullError():
                return DatabaseUnusable(f"the disk of {path} is full: free some space")
            case apsw.IOError():
                return DatabaseUnusable(f"{path} cannot be read or written: check the disk")
        if "no such table: " in message:
            return missing_table(message.rpartition(": ")[2])
        return ServiceError(message)


def copy_file(url: str, target: Path) -> None:
    """Copy a database into a file, as it is at one moment; blocks, while others go on writing."""
    source = SqliteDatabase(url, DatabaseOptions(deadline=60.0))
    try:
        with (
            closing(source._connect(apsw.SQLITE_OPEN_READONLY)) as old,
            closing(apsw.Connection(str(target))) as new,
        ):
            with new.backup("main", old, "main") as backup:
                backup.step(-1)
            # Like a database of one's own: another's log is not there to be read.
            new.execute("PRAGMA journal_mode = DELETE")
    except apsw.Error as error:
        raise source._translate(error) from None


def _read(connection: apsw.Connection, statements: tuple[Statement, ...]) -> list[list[Row]]:
    if len(statements) == 1:  # a snapshot by itself
        return [_rows(connection.execute(statements[0].sql, statements[0].params))]
    connection.execute("BEGIN")
    rows = [_rows(connection.execute(s.sql, s.params)) for s in statements]
    connection.execute("COMMIT")
    return rows


def _write(connection: apsw.Connection, statements: tuple[Statement, ...]) -> list[Result]:
    """Leaves the transaction open: it is committed if nobody has given up on it."""
    results = []
    connection.execute("BEGIN IMMEDIATE")
    for statement in statements:
        before = connection.total_changes()
        # A script must come without parameters, even none: they would be for its first statement.
        rows = _rows(connection.execute(statement.sql, statement.params or None))
        # changes() still holds the count of an earlier statement after one that wrote nothing.
        changed = connection.total_changes() != before
        results.append(Result(rows, connection.changes() if changed else 0))
    return results


def _rows(cursor: apsw.Cursor) -> list[Row]:
    return cursor.fetchall()  # type: ignore[return-value]  # the schema has no other types


def file_path(url: str) -> Path:
    """The file that a URL names; raises `DatabaseUnusable`."""
    parts = urlsplit(url)
    if parts.query or parts.fragment or parts.netloc not in ("", "localhost"):
        raise DatabaseUnusable(f"{url} is not a file: write file:NAME.db or file:/path/NAME.db")
    path = unquote(parts.path) if parts.scheme else url
    if path in ("", ":memory:"):
        raise DatabaseUnusable("the database URL names no file: write file:NAME.db")
    return Path(path)


def _writable(path: Path) -> bool:
    effective = os.access in os.supports_effective_ids
    return all(os.access(p, os.W_OK, effective_ids=effective) for p in (path, path.parent))


def _cannot_open(path: Path) -> DatabaseUnusable:
    # os.path, since pathlib raises where a folder may not be entered.
    if not os.path.isdir(path.parent):
        return DatabaseUnusable(f"there is no folder {path.parent}: make it first")
    if os.access(path.parent, os.X_OK) and not os.path.exists(path):
        return SchemaMissing(f"there is no database {path}: run `aicompare migrate up`")
    return DatabaseUnusable(
        f"{path} cannot be opened: it and its folder (for -wal and -shm) must be accessible"
    )
