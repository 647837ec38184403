"""The catalogue of a SQLite file, copied into a database of another engine."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Final

import apsw
import msgspec

from bench.dataset import DERIVED, TABLES, TODAY
from service.storage import migrate
from service.storage.database import Database, DatabaseOptions, Statement
from service.storage.opening import open_database
from tests.engines import Engine

_CHUNK: Final = 5000
_TRIGGERS: Final = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"


async def load(file: Path, engine: Engine) -> None:
    """Fill an empty database, triggers set aside meanwhile."""
    options = DatabaseOptions(token=engine.writer_token, read_only=False, deadline=600)
    db = open_database(engine.writer_url, options)
    try:
        await migrate.up(db, migrate.load(migrate.folder(db.engine)))
        if db.engine == "postgres":
            await _fill_postgres(file, db, engine.writer_url)
        else:
            await _fill_libsql(file, db)
    finally:
        await db.close()


async def _fill_libsql(file: Path, db: Database) -> None:
    [triggers] = await db.fetch(Statement("triggers", _TRIGGERS))
    await db.script(*(f"DROP TRIGGER {name}" for name, _ in triggers))
    with closing(apsw.Connection(str(file), apsw.SQLITE_OPEN_READONLY)) as source:
        for table in TABLES:
            names = _columns(source, table)
            values = ", ".join(f"e.value ->> {i}" for i in range(len(names)))
            insert = f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM"
            rows = source.execute(f"SELECT {', '.join(names)} FROM {table}")
            while chunk := list(islice(rows, _CHUNK)):
                document = msgspec.json.encode(chunk).decode()
                await db.batch(
                    Statement("load", f"{insert} json_each(:rows) AS e", {"rows": document})
                )
        await db.script(
            f"UPDATE catalog_state SET price_day = '{TODAY}'",
            *_derived(source),
            "INSERT INTO listing_search (listing_search) VALUES ('rebuild')",
            *(str(sql) for _, sql in triggers),
        )


async def _fill_postgres(file: Path, db: Database, url: str) -> None:
    import psycopg

    with (
        closing(apsw.Connection(str(file), apsw.SQLITE_OPEN_READONLY)) as source,
        psycopg.connect(url, autocommit=True) as target,
    ):

        def run(sql: str) -> Any:
            return target.execute(sql.encode())

        for table in (*TABLES, *DERIVED):
            run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for table in TABLES:
            names = ", ".join(_columns(source, table))
            copy = f"COPY {table} ({names}) FROM STDIN".encode()
            with target.cursor() as cursor, cursor.copy(copy) as sink:
                for row in source.execute(f"SELECT {names} FROM {table}"):
                    sink.write_row(row)
        run(f"UPDATE catalog_state SET price_day = '{TODAY}'")
        for sql in _derived(source):
            run(sql)
        for table in (*TABLES, *DERIVED):
            run(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        run("VACUUM ANALYZE")


def _columns(source: apsw.Connection, table: str) -> list[str]:
    return [column[1] for column in source.execute(f"PRAGMA table_info({table})")]


def _derived(source: apsw.Connection) -> list[str]:
    return [
        f"INSERT INTO {table} ({names}) SELECT {names} FROM {table}_source"
        for table in DERIVED
        for names in [", ".join(_columns(source, f"{table}_source"))]
    ]
