"""The engines of the tests are real, and their credentials mean something."""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import cast

import httpx
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service.operations.keys import token
from tests.conftest import Servers
from tests.engines import Engine, LibsqlServer, Server, pipeline

MAKE = "CREATE TABLE things (name TEXT)"
PUT = "INSERT INTO things VALUES ('one')"
COUNT = "SELECT count(*) FROM things"


def write(database: Engine, *statements: str) -> None:
    if database.name == "sqlite":
        with closing(sqlite3.connect(database.writer_url, uri=True)) as file, file:
            for statement in statements:
                file.execute(statement)
    elif database.name == "postgres":
        with psycopg.connect(database.writer_url) as connection:
            for statement in statements:
                connection.execute(statement.encode())
    else:
        for result in pipeline(database.writer_url, database.writer_token, *statements):
            assert result["type"] == "ok", result


def read(database: Engine, statement: str = COUNT) -> int:
    if database.name == "sqlite":
        url = f"{database.reader_url}?mode=ro"
        with closing(sqlite3.connect(url, uri=True)) as connection:
            return cast(int, connection.execute(statement).fetchone()[0])
    if database.name == "postgres":
        with psycopg.connect(database.reader_url) as connection:
            row = connection.execute(statement.encode()).fetchone()
            assert row is not None
            return cast(int, row[0])
    (result,) = pipeline(database.reader_url, database.reader_token, statement)
    assert result["type"] == "ok", result
    return int(result["response"]["result"]["rows"][0][0]["value"])


def test_a_reader_sees_what_was_written(server: Server, engine: Engine) -> None:
    write(engine, MAKE, PUT)
    server.settle(engine)
    assert read(engine) == 1


def test_databases_are_apart(server: Server, new_database: Callable[[], Engine]) -> None:
    one, other = new_database(), new_database()
    write(one, MAKE, PUT)
    write(other, MAKE)
    server.settle(one)
    server.settle(other)
    assert (read(one), read(other)) == (1, 0)


def test_a_copy_goes_its_own_way(server: Server, engine: Engine) -> None:
    write(engine, MAKE, PUT)
    copy = server.copy(engine)
    write(copy, PUT)
    server.settle(engine)
    server.settle(copy)
    assert (read(engine), read(copy)) == (1, 2)
    server.drop(copy)


@pytest.mark.parametrize("statement", [PUT, "DROP TABLE things", "CREATE TABLE more (x TEXT)"])
def test_a_reader_cannot_write(server: Server, engine: Engine, statement: str) -> None:
    write(engine, MAKE)
    server.settle(engine)
    if engine.name == "sqlite":
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            read(engine, statement)
    elif engine.name == "postgres":
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            read(engine, statement)
    elif engine.name == "libsql":
        with pytest.raises(httpx.HTTPStatusError, match="403"):
            read(engine, statement)
    else:
        with pytest.raises(AssertionError, match="PROXY_ERROR"):
            read(engine, statement)
    assert read(engine) == 0


@pytest.mark.parametrize("name", ["libsql", "libsql-replica"])
def test_libsql_refuses_who_has_no_valid_token(servers: Servers, name: str) -> None:
    server = cast(LibsqlServer, servers(name))
    database = server.new()
    hour = datetime.timedelta(hours=1)
    expired = token(server.key, "rw", datetime.datetime.now(datetime.UTC) - hour)
    for bad in ("x", expired, token(Ed25519PrivateKey.generate(), "rw")):
        for url in (database.reader_url, database.writer_url):
            with pytest.raises(httpx.HTTPStatusError, match="401"):
                pipeline(url, bad, "SELECT 1")
    server.drop(database)


def test_a_killed_primary_comes_back_with_its_data(servers: Servers) -> None:
    server = cast(LibsqlServer, servers("libsql-replica"))
    database = server.new()
    write(database, MAKE, PUT)
    server.settle(database)
    server.primary(database).kill()
    assert read(database) == 1
    server.primary(database).start()
    write(database, PUT)
    server.drop(database)
