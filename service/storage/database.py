"""The one way to a database: a small protocol, three engines behind it.

Nothing above `service.storage` knows which engine it talks to, and no driver's exception gets out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

Engine = Literal["sqlite", "libsql", "postgres"]

# One representation on every engine: dates and timestamps are ISO 8601 text, flags are 0 and 1,
# decimals are integers of billionths (see service.domain.decimals). So rows compare equal
# across engines without conversion, and so do the change log and an export.
Value = str | int | None
Row = tuple[Value, ...]


class Statement(NamedTuple):
    """One SQL statement with named parameters (`:name`), and the name it has in metrics and logs."""

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


class Database(Protocol):
    """A pooled connection to one database.

    All methods raise `Unavailable` when the database is away, busy or slower than the deadline,
    and `DatabaseUnusable` when trying again would not help. Safe to use from many tasks of one
    event loop at once.
    """

    engine: Engine

    async def fetch(self, *statements: Statement) -> list[list[Row]]:
        """Answer read statements in one round trip, from one snapshot; rows per statement.

        A write among them is refused by the database itself when the options say read-only.
        """
        ...

    async def batch(self, *statements: Statement) -> list[Result]:
        """Run statements in one write transaction and one round trip: all or nothing.

        The transaction takes the write lock at its start. Raises `Conflict` for a broken
        constraint. After `Unavailable` by deadline the outcome is unknown.
        """
        ...

    async def script(self, sql: str, *statements: Statement) -> None:
        """Run a script of several statements without parameters, then the given ones, atomically.

        For migrations. Raises as `batch` does.
        """
        ...

    async def ping(self) -> None:
        """Answer a SELECT from a table of the schema, so that a cold replica does not pass."""
        ...

    async def close(self) -> None:
        """Release all connections. Calls under way end with `Unavailable`."""
        ...


def open_database(url: str, options: DatabaseOptions | None = None) -> Database:
    """Choose the engine by the URL's scheme; connects lazily.

    `file:aicompare.db` and `:memory:`-free relative paths are SQLite files; `http`, `https` and
    `libsql` (spoken as https) a libSQL server; `postgresql` and `postgres` a Postgres. Raises
    `DatabaseUnusable` for any other scheme, and where the engine's driver is not installed.
    """
    raise NotImplementedError
