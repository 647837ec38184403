"""Where data is read and written, and how long that may take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from service.settings.setting import PREFIX, Group, setting


@dataclass(frozen=True, kw_only=True, repr=False)
class Databases(Group):
    """Where data is read and written, and how long that may take."""

    database_url: str = setting(
        "file:aicompare.db",
        "Database to read from: `file:NAME.db`, `libsql://…`, `http(s)://…` or `postgresql://…`.",
        file=True,
    )
    database_token: str | None = setting(
        None, "Token for the libSQL server to read from; may be a read-only one.", secret=True
    )
    primary_database_url: str | None = setting(
        None, "Database to write to, where it is not the one to read from.", file=True
    )
    primary_database_token: str | None = setting(
        None, "Token for the libSQL server to write to.", secret=True
    )
    database_deadline: float = setting(
        5.0, "Seconds that a call to the database may take, waiting included.", least=0.001
    )
    database_write_deadline: float = setting(
        60.0, "Seconds that a write may take, waiting for other writers included.", least=0.001
    )
    database_pool_size: int = setting(4, "Connections to a database per process.", least=1)

    @property
    def reads_elsewhere(self) -> bool:
        """Whether the database to read from is another one than the one to write to."""
        write = self.primary_database_url
        return write is not None and _place(write) != _place(self.database_url)

    @property
    def writer_url(self) -> str:
        """The database to write to."""
        return self.primary_database_url or self.database_url

    @property
    def writer_token(self) -> str | None:
        """The token to write with."""
        return self.primary_database_token if self.primary_database_url else self.database_token

    def contradictions(self) -> Iterator[str]:
        url, primary_url = f"{PREFIX}DATABASE_URL", f"{PREFIX}PRIMARY_DATABASE_URL"
        read, write = self.database_url, self.primary_database_url
        if self.database_token and _kind(read) != "libSQL server":
            yield f"{PREFIX}DATABASE_TOKEN is for a libSQL server, and {url} is a {_kind(read)}"
        if self.primary_database_token and not write:
            yield f"{PREFIX}PRIMARY_DATABASE_TOKEN is set without {primary_url}"
        if write and _kind(write) != _kind(read):
            kinds = f"is a {_kind(write)} and {url} a {_kind(read)}"
            yield f"{primary_url} {kinds}: both must be of a kind"


def _kind(url: str) -> str:
    scheme = url.partition(":")[0]
    if scheme in ("http", "https", "libsql"):
        return "libSQL server"
    return "Postgres" if scheme in ("postgresql", "postgres") else "SQLite file"


def _place(url: str) -> str:
    """A database's URL without who asks."""
    scheme, slashes, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return scheme + slashes + host.rpartition("@")[2] + slash + path
