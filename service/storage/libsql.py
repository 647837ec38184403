"""A libSQL server (sqld, Turso) over HTTP, through libsql-client.

libsql-client is archived, hence frozen: this is the one place that extends it. Its session and its
conversion of values are kept; the requests are posted here, to the pipeline that all servers speak,
because its own know no deadline, begin deferred and lose the bodies of errors.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from libsql_client import LibsqlError  # type: ignore[import-untyped]
from libsql_client.config import _expand_config  # type: ignore[import-untyped]
from libsql_client.http import HttpClient  # type: ignore[import-untyped]

from service.errors import DatabaseUnusable, Unavailable
from service.storage.database import (
    PING,
    READ_ONLY,
    DatabaseLost,
    DatabaseOptions,
    Engine,
    Result,
    Row,
    SchemaMissing,
    Statement,
    check_params,
)
from service.storage.libsql_dialect import (
    Answer,
    Done,
    Outcome,
    Steps,
    begun,
    refused,
    step,
    translate,
)

# Shorter than servers and proxies keep an idle connection: a write on a stale one is not retried.
_KEEP_ALIVE = 10.0
# Seconds until a table that was missing is asked for once more.
_SCHEMA_PAUSE = 0.05
# Seconds for which a stream is used. To open one costs the server more than most questions do; but
# where a replica had to begin again with another file, an old one still reads the file before.
_STREAM_SECONDS = 1.0
# Seconds that the end of a stream may take.
_END_SECONDS = 0.5
_CLOSE: Final = {"type": "close"}
# How a server refuses a stream that it does not know, or has ended.
_LOST = re.compile("baton|STREAM_EXPIRED")
_ANSWERS = msgspec.json.Decoder(Answer, strict=False)


class _Stream(msgspec.Struct):
    """A connection to the database that the server keeps, if there is a baton to ask for it by."""

    url: str
    opened: float
    baton: str | None = None


class _StreamLost(Unavailable):
    """The server has ended a stream, and did nothing of what was asked of it."""


class _Pipeline(HttpClient):  # type: ignore[misc]
    """One HTTP request per transaction, within a deadline in seconds."""

    def __init__(self, url: str, options: DatabaseOptions) -> None:
        # Not the parent's: it makes a session where no loop runs, and sends "Bearer None".
        try:
            config = _expand_config(
                url.replace("libsql:", "https:", 1), auth_token=options.token, tls=None
            )
        except (LibsqlError, ValueError) as error:
            raise DatabaseUnusable(f"the database URL is wrong: {error}") from None
        scheme = config.scheme if config.tls else "http"
        self._url = f"{scheme}://{config.authority}{config.path.rstrip('/')}"
        self._headers = {"Content-Type": "application/json"}
        if config.auth_token:
            self._headers["Authorization"] = f"Bearer {config.auth_token}"
        self._options = options
        self._version = "v3"
        self._opened = self._over = False
        self._free = asyncio.Semaphore(options.pool_size)
        # Streams that nobody uses, the one used last at the end.
        self._idle: list[_Stream] = []
        self._ending: set[asyncio.Task[None]] = set()

    async def read(self, steps: Steps) -> Outcome:
        """Run steps that leave no transaction open, in a stream that was kept if there is one.

        Tried once more where a connection or a stream turns out to be gone.
        """
        requests = [_batch(steps)]
        async with self._turn():
            stream = self._kept()
            try:
                answer = await self._send(stream, requests, self._session)
            except (_StreamLost, aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                # Usually a kept connection that the server had closed meanwhile.
                if self._over or isinstance(error, aiohttp.ClientConnectorError):
                    raise
                stream = self._new()
                # Not on another kept one, which may be gone as well.
                async with self._new_session() as session:
                    answer = await self._send(stream, requests, session)
            if answer.baton:
                stream.baton, stream.url = answer.baton, answer.base_url or stream.url
                if answer.results[0].error is None:
                    self._idle.append(stream)
                else:  # what it did of the steps is unknown
                    self._end(stream)
            return _outcome(answer)

    async def write(self, steps: Steps) -> Outcome:
        """Run steps in a stream of their own, once."""
        async with self._turn():
            requests = [_batch(steps), _CLOSE]
            return _outcome(await self._send(self._new(), requests, self._session))

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One of the calls that may be under way at once, within the deadline."""
        deadline = self._options.deadline
        try:
            async with asyncio.timeout(deadline), self._free:
                self._connect()
                yield
        except TimeoutError:
            raise Unavailable(f"the database did not answer within {deadline:g} s") from None
        except aiohttp.InvalidURL:
            raise DatabaseUnusable("the database URL is wrong: write https://HOST") from None
        except (aiohttp.ClientError, RuntimeError, msgspec.DecodeError):
            raise Unavailable("the database server cannot be reached") from None

    def _new(self) -> _Stream:
        return _Stream(self._url, time.monotonic())

    def _kept(self) -> _Stream:
        """A stream that is young enough, or else a new one."""
        while self._idle:
            stream = self._idle.pop()
            if time.monotonic() - stream.opened < _STREAM_SECONDS:
                return stream
            self._end(stream)
        return self._new()

    def _end(self, stream: _Stream) -> None:
        """Let the server close a stream, with nobody waiting for it."""

        async def end() -> None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(_END_SECONDS):
                    await self._send(stream, [_CLOSE], self._session)

        task = asyncio.create_task(end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _send(
        self, stream: _Stream, requests: Steps, session: aiohttp.ClientSession
    ) -> Answer:
        body = msgspec.json.encode({"baton": stream.baton, "requests": requests})
        url = f"{stream.url}/{self._version}/pipeline"
        async with session.post(url, data=body, headers=self._headers) as response:
            content = await response.read()
        if response.ok:
            return _ANSWERS.decode(content)
        text = content.decode(errors="replace")
        if stream.baton and response.status in (400, 500) and _LOST.search(text):
            raise _StreamLost("the database server has ended the stream")
        if response.status == 404 and "doesn't exist" in text:
            raise DatabaseLost("the database server has lost its database: start it again")
        if response.status == 404 and self._version == "v3":
            self._version = "v2"
            return await self._send(stream, requests, session)
        raise refused(response.status, text)

    async def download(self, path: str, target: Path) -> None:
        """Write what the server answers to a GET into a file; raises as other calls do."""
        timeout = aiohttp.ClientTimeout(total=None, sock_read=self._options.deadline)
        try:
            self._connect()
            async with self._session.get(
                f"{self._url}/{path}", headers=self._headers, timeout=timeout
            ) as response:
                if not response.ok:
                    raise refused(response.status, await response.text(errors="replace"))
                with target.open("wb") as file:
                    async for piece in response.content.iter_chunked(1 << 16):
                        file.write(piece)
        except (aiohttp.ClientError, TimeoutError):
            raise Unavailable("the database server broke off its dump, or gave none") from None

    def _connect(self) -> None:
        if self._over:
            raise Unavailable("the database was closed")
        if not self._opened:  # made here, where a loop runs
            self._opened = True
            self._session = self._new_session()

    def _new_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            # Calls take turns already; the end of a stream is not to wait for one.
            connector=aiohttp.TCPConnector(
                limit=0, keepalive_timeout=_KEEP_ALIVE, socket_factory=self._socket
            ),
            timeout=aiohttp.ClientTimeout(total=None),
        )

    def _socket(self, address: Any) -> socket.socket:
        """One that fails when the other end has vanished."""
        family, kind, protocol, *_ = address
        made = socket.socket(family, kind, protocol)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            silence = int(self._options.silence * 1000)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, silence)
        return made

    async def close(self) -> None:
        self._over = True
        if self._opened:
            while self._idle:
                self._end(self._idle.pop())
            await asyncio.gather(*self._ending)
            await self._session.close()


class LibsqlDatabase:
    """The `Database` protocol over HTTP; see there for the contract."""

    engine: Engine = "libsql"

    def __init__(self, url: str, options: DatabaseOptions) -> None:
        self._pipeline = _Pipeline(url, options)
        self._read_only = options.read_only

    async def fetch(self, *statements: Statement) -> list[list[Row]]:
        check_params(statements)
        steps = begun("BEGIN", statements)
        # Rolled back, so that not even a token that may write lets a read change anything.
        steps.append(step("ROLLBACK", {"type": "ok", "step": 0}))
        done = await self._run(self._pipeline.read, steps)
        if any(one.affected_row_count for one in done):
            raise DatabaseUnusable(READ_ONLY)
        return [one.read() for one in done[1:-1]]

    async def batch(self, *statements: Statement) -> list[Result]:
        check_params(statements)
        if self._read_only:
            raise DatabaseUnusable(READ_ONLY)
        steps = begun("BEGIN IMMEDIATE", statements)
        last = len(steps) - 1
        steps.append(step("COMMIT", {"type": "ok", "step": last}))
        failed = {"type": "not", "cond": {"type": "ok", "step": last + 1}}
        steps.append(step("ROLLBACK", failed))
        done = await self._run(self._pipeline.write, steps)
        return [Result(one.read(), one.affected_row_count) for one in done[1:-1]]

    async def _run(self, way: Callable[[Steps], Awaitable[Outcome]], steps: Steps) -> list[Done]:
        try:
            return (await way(steps)).done()
        except SchemaMissing:
            # While a migration goes on the server may answer out of half a schema. The step failed
            # and with it the transaction, so that nothing is done twice.
            await asyncio.sleep(_SCHEMA_PAUSE)
            return (await way(steps)).done()

    async def script(self, *parts: Statement | str) -> None:
        statements: list[Statement] = []
        for part in parts:
            if isinstance(part, str):
                statements += [Statement("script", sql) for sql in split_script(part)]
            else:
                statements.append(part)
        await self.batch(*statements)

    async def ping(self) -> None:
        await self.fetch(PING)

    async def dump(self, target: Path) -> None:
        """Write the whole database, as it is now, into a file of SQL. Only a primary can."""
        await self._pipeline.download("dump", target)

    async def close(self) -> None:
        await self._pipeline.close()


def split_script(script: str) -> list[str]:
    """The statements of a SQLite script, each with the comments before it."""
    statements, pending = [], ""
    *pieces, rest = script.split(";")
    for piece in pieces:
        pending += piece + ";"
        # A semicolon inside a string, a comment or a trigger ends nothing.
        if sqlite3.complete_statement(pending):
            statements.append(pending.strip())
            pending = ""
    if re.sub(r"--[^\n]*|/\*.*?\*/", "", pending + rest, flags=re.DOTALL).strip():
        statements.append((pending + rest).strip())
    return statements


def _batch(steps: Steps) -> dict[str, Any]:
    return {"type": "batch", "batch": {"steps": steps}}


def _outcome(answer: Answer) -> Outcome:
    """What became of the batch that a request began with; raises why it was not run at all."""
    first = answer.results[0]
    if first.error is not None:
        raise translate(first.error)
    if first.response is None or first.response.result is None:
        raise msgspec.DecodeError("no result of a batch")
    return first.response.result
