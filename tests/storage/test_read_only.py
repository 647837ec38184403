"""Whoever has a reader's credentials changes nothing, whatever they try."""

from __future__ import annotations

import contextlib

import pytest

from service.errors import Conflict, DatabaseUnusable, ServiceError
from service.storage.database import Database, DatabaseOptions, Row, Statement
from service.storage.opening import open_database
from tests.conftest import Servers
from tests.databases import copied, reading
from tests.engines import Server
from tests.http.conftest import serving

pytestmark = pytest.mark.anyio

# A SQLite file knows no users: whoever may write the file may write it.
WITH_USERS = ("libsql", "libsql-replica", "postgres")
BOOTSTRAP = "b" * 40
TABLES = {
    "sqlite": "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    "postgres": "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'",
}
# What might open a way: each is tried before the writes.
OPENERS = {
    "sqlite": ("PRAGMA query_only = OFF", "PRAGMA writable_schema = ON"),
    "libsql": ("PRAGMA query_only = OFF", "PRAGMA writable_schema = ON"),
    "postgres": (
        "SET default_transaction_read_only = off",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "SET ROLE owner",
        "SET SESSION AUTHORIZATION owner",
    ),
}


async def content(database: Database) -> list[list[Row]]:
    """Something of everything that the writes below would change."""
    return await database.fetch(
        *(
            Statement("content", sql)
            for sql in (
                "SELECT count(*), max(updated_at) FROM models",
                "SELECT max(revision), count(*) FROM changes",
                "SELECT actor, price_day FROM catalog_state",
                "SELECT count(*) FROM tokens",
                "SELECT max(version) FROM schema_migrations",
            )
        )
    )


async def tables(database: Database) -> list[str]:
    dialect = "postgres" if database.engine == "postgres" else "sqlite"
    [found] = await database.fetch(Statement("tables", TABLES[dialect]))
    names = [str(row[0]) for row in found if not str(row[0]).startswith("libsql_")]
    assert "models" in names
    return names


def writes(table: str) -> tuple[str, ...]:
    return (
        f"DELETE FROM {table}",
        f"INSERT INTO {table} SELECT * FROM {table}",
        f"DROP TABLE {table}",
        f"ALTER TABLE {table} RENAME TO gone",
    )


async def test_no_table_takes_a_write(server: Server) -> None:
    async with copied(server, "seeded") as engine:
        server.settle(engine)
        async with reading(engine) as reader:
            before = await content(reader)
            names = await tables(reader)
            for sql in OPENERS[reader.engine]:
                with contextlib.suppress(ServiceError):
                    await reader.fetch(Statement("opener", sql))
            for name in names:
                for sql in writes(name):
                    with pytest.raises(ServiceError) as refused:
                        await reader.fetch(Statement("write", sql), Statement("one", "SELECT 1"))
                    assert not isinstance(refused.value, Conflict), sql
            with pytest.raises(DatabaseUnusable):
                await reader.batch(Statement("write", "DELETE FROM models"))
            assert await content(reader) == before
            assert await tables(reader) == names


@pytest.mark.parametrize("name", WITH_USERS)
async def test_credentials_alone_refuse_writes(servers: Servers, name: str) -> None:
    """Also where the client says that it may write."""
    server = servers(name)
    async with copied(server, "seeded") as engine:
        server.settle(engine)
        options = DatabaseOptions(token=engine.reader_token, read_only=False, pool_size=1)
        pretender = open_database(engine.reader_url, options)
        try:
            before = await content(pretender)
            for opener in ("", *OPENERS[pretender.engine]):
                for sql in (*writes("models"), "CREATE TABLE more (x TEXT)"):
                    first = [Statement("opener", opener)] if opener else []
                    with pytest.raises(ServiceError):
                        await pretender.batch(*first, Statement("write", sql))
            assert await content(pretender) == before
        finally:
            await pretender.close()


@pytest.mark.parametrize("name", WITH_USERS)
async def test_a_service_with_them_reads_and_says_why_it_does_not_write(
    servers: Servers, name: str
) -> None:
    server = servers(name)
    async with copied(server, "seeded") as engine:
        server.settle(engine)
        async with serving(engine, bootstrap_token=BOOTSTRAP) as client:
            before = (await client.get("/v1/status")).json()["data"]["revision"]
            answer = await client.put(
                "/v1/providers/acme",
                headers={"authorization": f"Bearer {BOOTSTRAP}"},
                json={"name": "Acme"},
            )
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
            assert (await client.get("/v1/status")).json()["data"]["revision"] == before
