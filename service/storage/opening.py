"""Which engine a URL means."""

from __future__ import annotations

from service.errors import DatabaseUnusable
from service.storage.database import Database, DatabaseOptions


def open_database(url: str, options: DatabaseOptions | None = None) -> Database:
    """Choose the engine by the URL's scheme; connects lazily.

    `file:aicompare.db` and plain paths are SQLite files (not `:memory:`: each connection would
    have a database of its own); `http`, `https` and `libsql` (spoken as https) a libSQL server;
    `postgresql` and `postgres` a Postgres. Raises `DatabaseUnusable` for any other scheme, and
    where the engine's driver is not installed.
    """
    options = options or DatabaseOptions()
    scheme, colon, _ = url.partition(":")
    # Each driver is imported only when its scheme asks for it.
    if scheme in ("postgresql", "postgres"):
        try:
            from service.storage.postgres import PostgresDatabase
        except ImportError:
            raise DatabaseUnusable(
                "the Postgres driver is not installed: install aicompare[postgres]"
            ) from None
        return PostgresDatabase(url, options)
    if scheme in ("http", "https", "libsql"):
        from service.storage.libsql import LibsqlDatabase

        return LibsqlDatabase(url, options)
    if scheme == "file" or (url and not colon):
        from service.storage.sqlite import SqliteDatabase

        return SqliteDatabase(url, options)
    raise DatabaseUnusable(
        f"unknown kind of database {scheme + colon!r}: use file:NAME.db, libsql://, http(s):// "
        "or postgresql://"
    )
