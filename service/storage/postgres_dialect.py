"""How parameters, values and errors cross between this service and Postgres."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import psycopg
from psycopg import adapt, errors, postgres
from psycopg.types.numeric import Int8Dumper, IntLoader
from psycopg.types.string import StrDumper, TextLoader

from service.errors import Conflict, DatabaseUnusable, ServiceError, Unavailable
from service.storage.database import READ_ONLY, ConstraintKind, conflict, missing_table


class Context:
    """How values cross: text, whole numbers and NULL, whatever type the column has."""

    connection = None

    def __init__(self) -> None:
        self.adapters = _ADAPTERS


class _BoolLoader(adapt.Loader):
    def load(self, data: Any) -> int:
        return int(data == b"t")


class _NumericLoader(adapt.Loader):
    """A sum of whole numbers comes as numeric; a fraction has no place but in text."""

    def load(self, data: Any) -> int | str:
        text = bytes(data).decode()
        return int(text) if text.lstrip("-").isdigit() else text


def _make_adapters() -> adapt.AdaptersMap:
    adapters = adapt.AdaptersMap(types=postgres.types)
    adapters.register_dumper(str, StrDumper)
    # Always 64 bits: the default depends on the value, and with it the prepared statement.
    adapters.register_dumper(int, Int8Dumper)
    adapters.register_loader(0, TextLoader)
    for name in ("int2", "int4", "int8"):
        adapters.register_loader(name, IntLoader)
    adapters.register_loader("bool", _BoolLoader)
    adapters.register_loader("numeric", _NumericLoader)
    return adapters


_ADAPTERS = _make_adapters()

_TOKENS = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | \$(\w*)\$.*?\$\1\$
    | :: | :(?P<name>[A-Za-z_]\w*)""",
    re.VERBOSE | re.DOTALL,
)


@lru_cache(maxsize=4096)
def positional(sql: str, nulls: frozenset[str] = frozenset()) -> tuple[bytes, tuple[str, ...]]:
    """Turn `:name` into `$1`, the same number for the same name; the names in their order.

    Leaves strings, quoted names, comments and `::` alone. Those among `nulls` become NULL in the
    text: Postgres wants a type for a parameter, and `:name IS NULL` gives it none.
    """
    names: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return match[0]
        return "NULL" if name in nulls else f"${names.setdefault(name, len(names) + 1)}"

    return _TOKENS.sub(number, sql).encode(), tuple(names)


def cannot_connect(error: psycopg.Error) -> ServiceError:
    if isinstance(error, psycopg.ProgrammingError):  # its words may hold the password
        return DatabaseUnusable("the database URL is wrong: write postgresql://USER@HOST/NAME")
    _, refused, reason = str(error).partition("FATAL:")
    reason = reason.split("\n")[0].strip()
    passing = re.search("starting up|shutting down|too many|connection slots|recovery", reason)
    if refused and not passing:
        return DatabaseUnusable(f"the database server refuses the connection: {reason}")
    return Unavailable("the database server cannot be reached")


_KINDS: dict[type[psycopg.Error], ConstraintKind] = {
    errors.UniqueViolation: "unique",
    errors.ForeignKeyViolation: "foreign_key",
    errors.CheckViolation: "check",
    errors.NotNullViolation: "not_null",
    errors.InvalidTextRepresentation: "type",
    errors.NumericValueOutOfRange: "type",
    # The schema's rules for dates convert, and conversion fails before the rule can.
    errors.InvalidDatetimeFormat: "check",
    errors.DatetimeFieldOverflow: "check",
}


def translate(error: psycopg.Error) -> ServiceError:
    message = error.diag.message_primary or str(error)
    if kind := _KINDS.get(type(error)):
        return conflict(kind, _names(kind, error.diag))
    match error:
        case errors.IntegrityError() | errors.RaiseException():
            return Conflict(message)  # of a trigger: its own words
        case errors.UndefinedTable():
            return missing_table(message.split('"')[1] if '"' in message else message)
        case errors.ReadOnlySqlTransaction():
            return DatabaseUnusable(READ_ONLY)
        case errors.InsufficientPrivilege():
            return DatabaseUnusable(f"the database role lacks a right: {message}")
        case errors.DiskFull():
            return DatabaseUnusable("the disk of the database server is full: free some space")
        case errors.DataCorrupted() | errors.IndexCorrupted():
            return DatabaseUnusable(f"the database is corrupt: restore a backup: {message}")
        case errors.QueryCanceled() | errors.LockNotAvailable():
            return Unavailable("the database did not answer in time")
        case errors.OperationalError() | psycopg.InterfaceError():
            return Unavailable(f"the database server gave up: {message.splitlines()[0]}")
    return ServiceError(message)


def _names(kind: ConstraintKind, diagnosis: errors.Diagnostic) -> list[str]:
    """What SQLite names: columns of a key, the rule of a check, nothing of a foreign key."""
    match kind:
        case "check":
            name = diagnosis.constraint_name or ""
            return [] if name.endswith("_check") else [name]  # made up by Postgres
        case "not_null":
            return [f"{diagnosis.table_name}.{diagnosis.column_name}"]
        case "unique":
            key = re.match(r"Key \(([\w, ]+)\)=", diagnosis.message_detail or "")
            if key is None:  # over an expression
                return [diagnosis.constraint_name or ""]
            return [f"{diagnosis.table_name}.{column}" for column in key[1].split(", ")]
    return []
