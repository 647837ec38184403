"""Postgres through psycopg, for parity and for whoever already runs one.

A call is one pipeline: the transaction's begin, its statements and its end leave together, in one
network round trip. The pool is a list of idle connections rather than psycopg's own, which hides
behind its timeout why it cannot connect.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeVar

import psycopg
from psycopg import AsyncConnection, AsyncRawCursor, errors
from psycopg.pq import TransactionStatus

from service.errors import DatabaseUnusable, Unavailable
from service.storage.database import (
    PING,
    READ_ONLY,
    DatabaseOptions,
    Engine,
    Result,
    Row,
    Statement,
    check_params,
)
from service.storage.postgres_dialect import Context, cannot_connect, positional, translate

T = TypeVar("T")
Connection = AsyncConnection[tuple[Any, ...]]

# Writers take turns from the start of their transactions, as they do on SQLite: otherwise the
# change log's numbers would not grow in the order of commits. Any fixed number does.
WRITE_LOCK = 4_143_000_001

_BEGIN_READ = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_TAKE_TURN = b"SELECT pg_advisory_xact_lock(%d)" % WRITE_LOCK
# Seconds after which an idle connection is heard of: more often than routers forget one. And within
# which a call that was given up ends at a server that does not answer.
_HEARD: Final = 30
_END: Final = 1.0
# For questions that take milliseconds, of tables that are in memory: neither compiling nor sharing
# them out among processes is worth it, and a step along an index costs what one along a table does.
_PLANNING = "SET jit = off; SET max_parallel_workers_per_gather = 0; SET random_page_cost = 1.1"
# The server gives up a little before the client does, so that the connection stays usable.
_SERVER_SHARE = 0.9


class FrozenPostgres:
    """One state of the database, for as long as the transaction lasts that sees it."""

    engine: Engine = "postgres"

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def export_snapshot(self) -> str:
        """What other connections name the state by, while this one holds it."""
        [[row]] = await self.fetch(Statement("frozen.snapshot", "SELECT pg_export_snapshot()"))
        return str(row[0])

    async def fetch(self, *statements: Statement) -> list[list[Row]]:
        check_params(statements)
        try:
            return [await _rows(await _execute(self._connection, one)) for one in statements]
        except psycopg.Error as error:
            raise translate(error) from None


class PostgresDatabase:
    """The `Database` protocol over a pool of connections; see there for the contract."""

    engine: Engine = "postgres"

    def __init__(self, url: str, options: DatabaseOptions) -> None:
        self._url = url
        self._options = options
        self._idle: list[Connection] = []
        self._free = asyncio.Semaphore(options.pool_size)
        # With the connection that each has.
        self._under_way: dict[asyncio.Task[Any], Connection | None] = {}
        self._closed = False

    async def fetch(self, *statements: Statement) -> list[list[Row]]:
        check_params(statements)

        async def read(connection: Connection) -> list[list[Row]]:
            async with _pipeline(connection):
                await connection.execute(_BEGIN_READ)
                cursors = [await _execute(connection, statement) for statement in statements]
                await connection.execute(b"COMMIT")
            return [await _rows(cursor) for cursor in cursors]

        return await self._call(read, retry=True)

    async def batch(self, *statements: Statement) -> list[Result]:
        check_params(statements)

        async def write(connection: Connection) -> list[Result]:
            async with _pipeline(connection):
                await connection.execute(b"BEGIN")
                await connection.execute(_TAKE_TURN)
                cursors = [await _execute(connection, statement) for statement in statements]
                await connection.execute(b"COMMIT")
            return [Result(await _rows(cursor), _affected(cursor)) for cursor in cursors]

        return await self._write(write)

    async def script(self, *parts: Statement | str) -> None:
        check_params(part for part in parts if isinstance(part, Statement))

        async def run(connection: Connection) -> None:
            await connection.execute(b"BEGIN")
            await connection.execute(_TAKE_TURN)
            for part in parts:
                if isinstance(part, str):  # no pipeline: several statements in one text
                    await connection.execute(part.encode())
                else:
                    await _execute(connection, part)
            await connection.execute(b"COMMIT")

        await self._write(run)

    async def ping(self) -> None:
        await self.fetch(PING)

    @contextlib.asynccontextmanager
    async def frozen(self) -> AsyncIterator[FrozenPostgres]:
        """The state of the database as it is now, on a connection of its own."""
        connection = await self._take()
        try:
            await connection.execute(_BEGIN_READ)
            yield FrozenPostgres(connection)
        finally:
            await connection.close()

    async def close(self) -> None:
        self._closed = True
        for task in self._under_way:
            self._give_up(task)
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._forget()

    async def _forget(self) -> None:
        while self._idle:
            await self._idle.pop().close()

    async def _write(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        if self._options.read_only:
            raise DatabaseUnusable(READ_ONLY)
        return await self._call(work, retry=False)

    async def _call(self, work: Callable[[Connection], Awaitable[T]], *, retry: bool) -> T:
        """Work in a task of its own: ending a call at a dead server would outlast the deadline."""
        if self._closed:
            raise Unavailable("the database was closed")
        task = asyncio.create_task(self._work(work, retry=retry))
        self._under_way[task] = None
        task.add_done_callback(self._done)
        try:
            done, _ = await asyncio.wait({task}, timeout=self._options.deadline)
        except asyncio.CancelledError:
            self._give_up(task)
            raise
        if not done:
            self._give_up(task)
            raise Unavailable(f"the database did not answer within {self._options.deadline:g} s")
        if task.cancelled():
            raise Unavailable("the database was closed")
        return task.result()

    def _give_up(self, task: asyncio.Task[Any]) -> None:
        """End a call; what keeps it waiting for a server that has vanished is cut off."""
        task.cancel()
        asyncio.get_running_loop().call_later(_END, self._cut_off, task)

    def _cut_off(self, task: asyncio.Task[Any]) -> None:
        connection = self._under_way.get(task)
        if connection is not None and not connection.closed:
            with (
                contextlib.suppress(OSError),
                socket.socket(fileno=os.dup(connection.fileno())) as end,
            ):
                end.shutdown(socket.SHUT_RDWR)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._under_way.pop(task)
        if not task.cancelled():
            task.exception()  # of a call given up: nobody else asks for it

    async def _work(self, work: Callable[[Connection], Awaitable[T]], *, retry: bool) -> T:
        while True:
            connection = None
            try:
                async with self._connection() as connection:
                    return await work(connection)
            except psycopg.Error as error:
                lost = connection is not None and connection.broken
                if lost:  # what ended this connection may have ended those that rest
                    await self._forget()
                if not (lost and retry):
                    raise translate(error) from None
            retry = False

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        async with self._free:
            connection = await self._take()
            if (task := asyncio.current_task()) in self._under_way:
                self._under_way[task] = connection
            try:
                yield connection
            finally:
                # One with a failed transaction is not used again: psycopg takes statements after
                # the failed one for prepared, which the server never got to.
                if self._closed or connection.info.transaction_status != TransactionStatus.IDLE:
                    await connection.close()
                else:
                    self._idle.append(connection)

    async def _take(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not _hung_up(connection):
                return connection
            await connection.close()
        try:
            connection = await AsyncConnection.connect(
                self._url,
                autocommit=True,
                context=Context(),
                cursor_factory=AsyncRawCursor,
                client_encoding="UTF8",
                fallback_application_name="aicompare",
                tcp_user_timeout=int(self._options.silence * 1000),
                keepalives_idle=_HEARD,
            )
        except psycopg.Error as error:
            raise cannot_connect(error) from None
        milliseconds = int(self._options.deadline * _SERVER_SHARE * 1000)
        settings = f"SET statement_timeout = {milliseconds}; SET timezone = 'UTC'; {_PLANNING}"
        if self._options.read_only:
            settings += "; SET default_transaction_read_only = on"
        await connection.execute(settings.encode())
        return connection


@contextlib.asynccontextmanager
async def _pipeline(connection: Connection) -> AsyncIterator[None]:
    """psycopg's pipeline, whose first error is the one that counts: the rest only follow from it.

    Left by an exception, psycopg would log those as warnings.
    """
    first: psycopg.Error | None = None
    try:
        async with connection.pipeline():
            try:
                yield
            except psycopg.Error as error:
                first = error
    except errors.PipelineAborted:
        if first is None:
            raise
    if first is not None:
        raise first


async def _execute(connection: Connection, statement: Statement) -> psycopg.AsyncCursor[Any]:
    params = statement.params
    nulls = frozenset(name for name, value in params.items() if value is None)
    sql, names = positional(statement.sql, nulls)
    return await connection.execute(sql, [params[name] for name in names])


async def _rows(cursor: psycopg.AsyncCursor[Any]) -> list[Row]:
    return await cursor.fetchall() if cursor.description else []


def _affected(cursor: psycopg.AsyncCursor[Any]) -> int:
    status = cursor.statusmessage or ""
    return cursor.rowcount if status.startswith(("INSERT", "UPDATE", "DELETE", "MERGE")) else 0


def _hung_up(connection: Connection) -> bool:
    """Whether the server has closed an idle connection: then there is something to read from it."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
