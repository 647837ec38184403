"""A libSQL server (sqld, Turso) over HTTP, through libsql-client.

libsql-client is archived, hence frozen: this is the one place that extends it. Its session and its
conversion of values are kept; the requests are posted here, to the pipeline that all servers speak,
because its own know no deadline, begin deferred and lose the bodies of errors.
"""

from __future__ import annotations

import asyncio
import re
import socket
import sqlite3
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from libsql_client import LibsqlError  # type: ignore[import-untyped]
from libsql_client.config import _expand_config  # type: ignore[import-untyped]
from libsql_client.hrana.convert import _stmt_to_proto, _value_from_proto  # type: ignore[import-untyped]
from libsql_client.http import HttpClient  # type: ignore[import-untyped]

from service.errors import DatabaseUnusable, ServiceError, Unavailable
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
    missing_table,
    sqlite_conflict,
)

Steps = list[dict[str, Any]]

# Shorter than servers and proxies keep an idle connection: a write on a stale one is not retried.
_KEEP_ALIVE = 10.0
# Seconds until a table that was missing is asked for once more.
_SCHEMA_PAUSE = 0.05


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

    async def run(self, steps: Steps, *, retry: bool) -> list[dict[str, Any]]:
        """Run steps in one stream; the results of those that ran, or the first error raised."""
        requests = [{"type": "batch", "batch": {"steps": steps}}, {"type": "close"}]
        answer = await self._send("POST", "pipeline", {"requests": requests}, retry=retry)
        first = answer["results"][0]
        if first["type"] == "error":
            raise _translate(first["error"])
        outcome = first["response"]["result"]
        for error in outcome["step_errors"]:
            if error is not None:
                raise _translate(error)
        results: list[dict[str, Any]] = outcome["step_results"]
        return results

    async def _send(
        self, method: str, path: str, request_body: Any, *, retry: bool = False
    ) -> dict[str, Any]:
        deadline = self._options.deadline
        until = time.monotonic() + deadline
        body = msgspec.json.encode(request_body)
        try:
            try:
                return await self._attempt(method, path, body, until)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                # Usually a kept connection that the server had closed meanwhile.
                if not retry or self._over or isinstance(error, aiohttp.ClientConnectorError):
                    raise
                # Not on another kept one, which may be gone as well.
                async with self._session_of(1) as session:
                    return await self._attempt(method, path, body, until, session)
        except TimeoutError:
            raise Unavailable(f"the database did not answer within {deadline:g} s") from None
        except aiohttp.InvalidURL:
            raise DatabaseUnusable("the database URL is wrong: write https://HOST") from None
        except (aiohttp.ClientError, RuntimeError, msgspec.DecodeError):
            raise Unavailable("the database server cannot be reached") from None

    async def _attempt(
        self,
        method: str,
        path: str,
        body: bytes,
        until: float,
        session: aiohttp.ClientSession | None = None,
    ) -> dict[str, Any]:
        left = aiohttp.ClientTimeout(total=max(0.001, until - time.monotonic()))
        url = f"{self._url}/{self._version}/{path}"
        async with (session or self._connected()).request(
            method, url, data=body, headers=self._headers, timeout=left
        ) as response:
            content = await response.read()
        if response.ok:
            decoded: dict[str, Any] = msgspec.json.decode(content)
            return decoded
        text = content.decode(errors="replace")
        if response.status == 404 and "doesn't exist" in text:
            raise DatabaseLost("the database server has lost its database: start it again")
        if response.status == 404 and self._version == "v3":
            self._version = "v2"
            return await self._attempt(method, path, body, until, session)
        raise _refused(response.status, text)

    async def download(self, path: str, target: Path) -> None:
        """Write what the server answers to a GET into a file; raises as `run` does."""
        timeout = aiohttp.ClientTimeout(total=None, sock_read=self._options.deadline)
        try:
            async with self._connected().get(
                f"{self._url}/{path}", headers=self._headers, timeout=timeout
            ) as response:
                if not response.ok:
                    raise _refused(response.status, await response.text(errors="replace"))
                with target.open("wb") as file:
                    async for piece in response.content.iter_chunked(1 << 16):
                        file.write(piece)
        except (aiohttp.ClientError, TimeoutError):
            raise Unavailable("the database server broke off its dump, or gave none") from None

    def _connected(self) -> aiohttp.ClientSession:
        if self._over:
            raise Unavailable("the database was closed")
        if not self._opened:  # made here, where a loop runs
            self._opened = True
            self._session = self._session_of(self._options.pool_size)
        return self._session

    def _session_of(self, connections: int) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections, keepalive_timeout=_KEEP_ALIVE, socket_factory=self._socket
            )
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
            await self._session.close()


class LibsqlDatabase:
    """The `Database` protocol over HTTP; see there for the contract."""

    engine: Engine = "libsql"

    def __init__(self, url: str, options: DatabaseOptions) -> None:
        self._pipeline = _Pipeline(url, options)
        self._read_only = options.read_only

    async def fetch(self, *statements: Statement) -> list[list[Row]]:
        check_params(statements)
        steps = _begun("BEGIN", statements)
        # Rolled back, so that not even a token that may write lets a read change anything.
        steps.append(_step("ROLLBACK", {"type": "ok", "step": 0}))
        results = await self._run(steps, retry=True)
        if any(result["affected_row_count"] for result in results):
            raise DatabaseUnusable(READ_ONLY)
        return [_rows(result) for result in results[1:-1]]

    async def batch(self, *statements: Statement) -> list[Result]:
        check_params(statements)
        if self._read_only:
            raise DatabaseUnusable(READ_ONLY)
        steps = _begun("BEGIN IMMEDIATE", statements)
        last = len(steps) - 1
        steps.append(_step("COMMIT", {"type": "ok", "step": last}))
        failed = {"type": "not", "cond": {"type": "ok", "step": last + 1}}
        steps.append(_step("ROLLBACK", failed))
        results = await self._run(steps, retry=False)
        return [Result(_rows(r), r["affected_row_count"]) for r in results[1:-2]]

    async def _run(self, steps: Steps, *, retry: bool) -> list[dict[str, Any]]:
        try:
            return await self._pipeline.run(steps, retry=retry)
        except SchemaMissing:
            # While a migration goes on the server may answer out of half a schema. The step failed
            # and with it the transaction, so that nothing is done twice.
            await asyncio.sleep(_SCHEMA_PAUSE)
            return await self._pipeline.run(steps, retry=retry)

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


def _step(sql: str, condition: dict[str, Any]) -> dict[str, Any]:
    return {"condition": condition, "stmt": {"sql": sql, "want_rows": False}}


def _begun(begin: str, statements: Sequence[Statement]) -> Steps:
    steps: Steps = [{"stmt": {"sql": begin, "want_rows": False}}]
    for before, statement in enumerate(statements):
        used = {n: v for n, v in statement.params.items() if n in _names(statement.sql)}
        stmt = _stmt_to_proto((statement.sql, used))
        steps.append({"condition": {"type": "ok", "step": before}, "stmt": stmt})
    return steps


@lru_cache(maxsize=1024)
def _names(sql: str) -> frozenset[str]:
    """The parameters of a statement; the server refuses others, which other engines pass over."""
    return frozenset(re.findall(r":([A-Za-z_]\w*)", sql))


def _rows(result: dict[str, Any]) -> list[Row]:
    return [tuple(map(_value_from_proto, row)) for row in result["rows"]]


def _refused(status: int, body: str) -> ServiceError:
    if status == 401:
        return DatabaseUnusable("the database server refuses the token: set a valid one")
    if status == 403 or "forbidden" in body:  # the latter from a replica
        return DatabaseUnusable(READ_ONLY)
    if status >= 500 or status in (408, 429):
        return Unavailable(f"the database server answered with status {status}")
    return ServiceError(f"the database server answered with status {status}: {body[:500]}")


def _translate(error: dict[str, Any]) -> ServiceError:
    """A step's error. Through a replica all codes are PROXY_ERROR, and only the words tell."""
    code = error.get("code") or ""
    message: str = error["message"].removeprefix("SQLite error: ")
    if "constraint failed" in message or "cannot store" in message:
        return sqlite_conflict(message)
    if code.startswith("SQLITE_CONSTRAINT"):
        return sqlite_conflict(message)
    if "no such table: " in message:
        return missing_table(message.rpartition("no such table: ")[2])
    if code.endswith("BLOCKED"):  # by whoever runs the server: a quota, say
        return DatabaseUnusable(f"the database server refuses it: {message}")
    if "readonly database" in message:
        return DatabaseUnusable("the database server cannot write its file: make it writable")
    if "forbidden" in message:
        return DatabaseUnusable(READ_ONLY)
    if code.startswith("SQLITE_BUSY") or "database is locked" in message:
        return Unavailable("the database is locked by another writer")
    if "Transaction timed out" in message:  # after five seconds, where somebody else waits
        return Unavailable(
            "the database server ended a write that took long, since others wait to write: stop "
            "them, and try again"
        )
    if "TIMEOUT" in code or "EXPIRED" in code or "interrupted" in message:
        return Unavailable(f"the database server gave up: {message}")
    if code.startswith(("SQLITE_FULL", "SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR")):
        return DatabaseUnusable(f"the database server cannot use its disk: {message}")
    return ServiceError(message)
