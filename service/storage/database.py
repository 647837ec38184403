"""The one way to a database: a small protocol, three engines behind it.

Nothing above `service.storage` knows which engine it talks to, and no driver's exception gets out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from service.errors import Conflict, DatabaseUnusable, InvalidRequest, Unavailable

Engine = Literal["sqlite", "libsql", "postgres"]

# One representation on every engine: dates and timestamps are ISO 8601 text, flags are 0 and 1,
# decimals are integers of billionths (see service.domain.decimals). So rows compare equal
# across engines without conversion, and so do the change log and an export.
Value = str | int | None
Row = tuple[Value, ...]


class Statement(NamedTuple):
    """A SQL statement with named parameters (`:name`), and the name it has in metrics and logs."""

    name: str
    sql: str
    params: Mapping[str, Value] = {}


class Result(NamedTuple):
    """What one statement of a batch did: rows of its RETURNING clause, count of rows it touched."""

    rows: list[Row]
    affected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseOptions:
    """How to connect. Times in seconds."""

    token: str | None = None
    read_only: bool = True
    # Longest a call may take, waiting for a connection and for locks included.
    deadline: float = 5.0
    pool_size: int = 4
    # A SQLite file that does not exist is an error unless this is set.
    create: bool = False

    @property
    def silence(self) -> float:
        """How long a server may acknowledge nothing of what was sent, until it counts as gone.

        The network of a slow server acknowledges. One that vanished, or a router that has forgotten
        the connection, tells nobody.
        """
        return min(5.0, self.deadline / 3)


class DatabaseLost(Unavailable):
    """The server answers that its database is not there: until it is started again, it stays so.

    A replica says so once its disk has been full.
    """


class SchemaMissing(DatabaseUnusable):
    """There is no database yet, or not the table that was asked for: the schema is to be made."""


class Database(Protocol):
    """A pooled connection to one database.

    All methods raise `Unavailable` when the database is away, busy or slower than the deadline,
    and `DatabaseUnusable` when trying again would not help. A parameter that is not text, a whole
    number or None is a TypeError; one that no engine can hold (a null byte, more than 64 bits) is
    `InvalidRequest`. A statement that the engine does not understand is a plain `ServiceError`.
    Safe to use from many tasks of one event loop at once.
    """

    engine: Engine

    async def fetch(self, *statements: Statement) -> list[list[Row]]:
        """Answer read statements in one round trip, from one snapshot; rows per statement.

        A write among them never takes effect, and is `DatabaseUnusable`.
        """
        ...

    async def batch(self, *statements: Statement) -> list[Result]:
        """Run statements in one write transaction and one round trip: all or nothing.

        The transaction takes the write lock at its start. Raises `Conflict` for a broken
        constraint, `DatabaseUnusable` where the options say read-only. After `Unavailable` by
        deadline the outcome is unknown.
        """
        ...

    async def script(self, *parts: Statement | str) -> None:
        """Run parts in their order, atomically; text is a script of statements without parameters.

        For migrations. Raises as `batch` does.
        """
        ...

    async def ping(self) -> None:
        """Answer a SELECT from a table of the schema, so that a cold replica does not pass."""
        ...

    async def close(self) -> None:
        """Release all connections. Calls under way end with `Unavailable`."""
        ...


PING = Statement("ping", "SELECT version FROM schema_migrations LIMIT 1")

READ_ONLY = "this database connection may only read: write at the primary"


def check_params(statements: Iterable[Statement]) -> None:
    """Let nothing reach a driver that engines would store or refuse each in its own way."""
    for statement in statements:
        for name, value in statement.params.items():
            # Not isinstance: a bool is an int, and Postgres would take it for something else.
            if type(value) is str:
                if "\0" in value or not (value.isascii() or _is_unicode(value)):
                    raise InvalidRequest(f"{name} holds a character that cannot be stored")
            elif type(value) is int:
                if not -(1 << 63) <= value < 1 << 63:
                    raise InvalidRequest(f"{name} is too large a number")
            elif value is not None:
                raise TypeError(
                    f"{statement.name}: parameter {name} is {type(value).__name__}, "
                    "not str, int or None"
                )


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


ConstraintKind = Literal["unique", "foreign_key", "check", "not_null", "type"]

_CONFLICTS: dict[ConstraintKind, str] = {
    "unique": "already exists",
    "foreign_key": "refers to a row that does not exist, or is still referred to",
    "check": "breaks a rule of the schema",
    "not_null": "is required",
    "type": "has the wrong type",
}


def conflict(kind: ConstraintKind, names: Iterable[str] = ()) -> Conflict:
    """Word a broken constraint in the same way for all engines.

    `names` are `table.column`s, or the name of the constraint for a check; kept only where they
    are names, since an unnamed check is reported by its SQL.
    """
    kept = [name for name in names if re.fullmatch(r"[a-z_][\w.]*", name)]
    message = _CONFLICTS[kind] + (f": {', '.join(kept)}" if kept else "")
    return Conflict(message, {"constraint": kind, "names": kept})


_FAILED = re.compile(r"(UNIQUE|FOREIGN KEY|CHECK|NOT NULL) constraint failed(?:: (.*))?")


def sqlite_conflict(message: str) -> Conflict:
    """Read SQLite's own words for a broken constraint, also inside a longer message."""
    if found := _FAILED.search(message):
        kind: ConstraintKind = found[1].lower().replace(" ", "_")  # type: ignore[assignment]
        names = (found[2] or "").removeprefix("index ").replace("'", "")
        return conflict(kind, names.split(", "))
    if "cannot store" in message or "datatype mismatch" in message:
        return conflict("type", re.findall(r"column (\S+)", message))
    return Conflict(message)  # RAISE(ABORT, …) of a trigger: its own words


def missing_table(name: str) -> SchemaMissing:
    return SchemaMissing(f"the database has no table {name}: run `aicompare migrate up`")
