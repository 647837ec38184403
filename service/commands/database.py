"""Which database a command works on: options that commands share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import click

from service.storage.database import Database, DatabaseOptions, open_database

T = TypeVar("T")

_OPTIONS = (
    click.option(
        "--database-url",
        envvar=["AICOMPARE_PRIMARY_DATABASE_URL", "AICOMPARE_DATABASE_URL"],
        default="file:aicompare.db",
        show_default=True,
        help="Database to work on: where writes go.",
    ),
    click.option(
        "--database-token",
        envvar=["AICOMPARE_PRIMARY_DATABASE_TOKEN", "AICOMPARE_DATABASE_TOKEN"],
        help="Token for a libSQL server. Better given in the environment.",
    ),
)


def database_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--database-url` and `--database-token`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def with_database(url: str, token: str | None, work: Callable[[Database], Awaitable[T]]) -> T:
    """Run `work` on a database that is open for writing."""

    async def run() -> T:
        database = open_database(url, DatabaseOptions(token=token, read_only=False, pool_size=1))
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())
