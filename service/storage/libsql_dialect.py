"""How statements, answers and errors cross between this service and a libSQL server."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any, ClassVar

import msgspec
from libsql_client.hrana.convert import _stmt_to_proto  # type: ignore[import-untyped]

from service.errors import DatabaseUnusable, ServiceError, Unavailable
from service.storage.database import (
    READ_ONLY,
    Row,
    Statement,
    missing_table,
    sqlite_conflict,
)

Steps = list[dict[str, Any]]


class _Null(msgspec.Struct, tag_field="type", tag="null", gc=False):
    value: ClassVar[None] = None


class _Integer(msgspec.Struct, tag_field="type", tag="integer", gc=False):
    value: int  # in a string, since not every JSON parser has 64 bits


class _Text(msgspec.Struct, tag_field="type", tag="text", gc=False):
    value: str


class Done(msgspec.Struct):
    """What a step of a batch did."""

    affected_row_count: int
    rows: list[list[_Text | _Integer | _Null]]

    def read(self) -> list[Row]:
        return [tuple([one.value for one in row]) for row in self.rows]


class Failed(msgspec.Struct):
    """Why a step, or a batch before its first one, failed."""

    message: str
    code: str | None = None


class Outcome(msgspec.Struct):
    """The steps of a batch: None for what was not run, or did not fail."""

    step_results: list[Done | None]
    step_errors: list[Failed | None]

    def done(self) -> list[Done]:
        """What the steps did that ran; raises the first error."""
        for error in self.step_errors:
            if error is not None:
                raise translate(error)
        return [one for one in self.step_results if one is not None]


class _Response(msgspec.Struct):
    result: Outcome | None = None


class _Result(msgspec.Struct):
    response: _Response | None = None
    error: Failed | None = None


class Answer(msgspec.Struct):
    """To a request whose first part is a batch."""

    results: Annotated[list[_Result], msgspec.Meta(min_length=1)]
    baton: str | None = None
    base_url: str | None = None


def step(sql: str, condition: dict[str, Any]) -> dict[str, Any]:
    """One more step, whose rows nobody wants."""
    return {"condition": condition, "stmt": {"sql": sql, "want_rows": False}}


def begun(begin: str, statements: Sequence[Statement]) -> Steps:
    """The steps of a transaction but its end, each on condition that those before went well."""
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


def refused(status: int, body: str) -> ServiceError:
    if status == 401:
        return DatabaseUnusable("the database server refuses the token: set a valid one")
    if status == 403 or "forbidden" in body:  # the latter from a replica
        return DatabaseUnusable(READ_ONLY)
    if status >= 500 or status in (408, 429):
        return Unavailable(f"the database server answered with status {status}")
    return ServiceError(f"the database server answered with status {status}: {body[:500]}")


def translate(error: Failed) -> ServiceError:
    """A step's error. Through a replica all codes are PROXY_ERROR, and only the words tell."""
    code = error.code or ""
    message = error.message.removeprefix("SQLite error: ")
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
