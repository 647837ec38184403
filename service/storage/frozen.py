"""One state of a database, to be read in pieces for as long as it takes, while others write."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from service.errors import DatabaseUnusable
from service.storage.database import DatabaseOptions, Engine, Row, Statement
from service.storage.opening import open_database


class Frozen(Protocol):
    """What a state can be asked; raises as `Database.fetch` does."""

    engine: Engine

    async def fetch(self, *statements: Statement) -> list[list[Row]]:
        """Answer read statements from the one state; rows per statement."""
        ...


@asynccontextmanager
async def freeze(url: str, options: DatabaseOptions, folder: Path) -> AsyncIterator[Frozen]:
    """Hold on to the state of a database as it is now.

    A SQLite file is copied into `folder`, a libSQL server dumped there (its primary alone can),
    since over HTTP no snapshot lasts; Postgres holds a transaction. Needs no right to write.
    """
    options = replace(options, read_only=True, create=False)
    database = open_database(url, options)
    try:
        await database.ping()  # what is missing has its own words
        if database.engine == "postgres":
            from service.storage.postgres import PostgresDatabase

            assert isinstance(database, PostgresDatabase)
            async with database.frozen() as held:
                yield held
            return
        copy = folder / "frozen.db"
        copy.unlink(missing_ok=True)
        if database.engine == "sqlite":
            from service.storage.sqlite import copy_file

            await asyncio.to_thread(copy_file, url, copy)
        else:
            from service.storage.libsql import LibsqlDatabase

            assert isinstance(database, LibsqlDatabase)
            dump = folder / "dump.sql"
            await database.dump(dump)
            await asyncio.to_thread(load_dump, dump, copy)
            dump.unlink()
        state = open_database(copy.as_uri(), replace(options, token=None))
        try:
            yield state
        finally:
            await state.close()
            copy.unlink()
    finally:
        await database.close()


async def dump_native(program: str, url: str, state: Frozen, target: Path) -> None:
    """Have `pg_dump` write the same state as well; only of a Postgres."""
    from service.storage.postgres import FrozenPostgres
    from service.storage.postgres_dump import dump

    assert isinstance(state, FrozenPostgres)
    await asyncio.to_thread(dump, program, url, await state.export_snapshot(), target)


def load_dump(dump: Path, target: Path) -> None:
    """Make a SQLite file of a libSQL server's dump; `DatabaseUnusable` where it is cut short."""
    import apsw

    with closing(apsw.Connection(str(target))) as database, dump.open(newline="\n") as lines:
        database.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
        statement = ended = ""
        for line in lines:
            statement += line
            if line.endswith(";\n") and sqlite3.complete_statement(statement):
                database.execute(statement)
                ended, statement = statement, ""
        if ended != "COMMIT;\n" or statement.strip():
            raise DatabaseUnusable("the dump of the database server is cut short: try again")
