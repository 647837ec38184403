"""Which database a command works on: options that commands share."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, TypeVar

import click

from service.errors import DatabaseUnusable, Unavailable
from service.settings import Settings
from service.storage.database import Database, DatabaseOptions
from service.storage.opening import open_database

T = TypeVar("T")


def setting(context: click.Context) -> Settings:
    """What the settings say, for an option that is not given."""
    return context.find_object(Settings) or Settings.from_environment(os.environ)


_OPTIONS = (
    click.option(
        "--database-url",
        callback=lambda context, _, given: given or setting(context).writer_url,
        help="Database to work on: where writes go, as the settings say.",
    ),
    click.option(
        "--database-token",
        callback=lambda context, _, given: given or setting(context).writer_token,
        help="Token for a libSQL server. Better given in the environment.",
    ),
)


def database_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--database-url` and `--database-token`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


WAIT = click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="Seconds to wait for a database that is not there yet.",
)
_PAUSE = 0.2


async def waiting(work: Callable[[], Awaitable[T]], seconds: float, *, unusable: bool = False) -> T:
    """Do `work`, again and again for so long while the database is away.

    With `unusable` also while it is at another schema, which somebody else may be about to change.
    """
    until = monotonic() + seconds
    while True:
        try:
            return await work()
        except Unavailable as error:
            hopeless = isinstance(error, DatabaseUnusable) and not unusable
            if hopeless or monotonic() + _PAUSE > until:
                raise
        await asyncio.sleep(_PAUSE)


def with_database(url: str, token: str | None, work: Callable[[Database], Awaitable[T]]) -> T:
    """Run `work` on a database that is open for writing."""

    async def run() -> T:
        database = open_database(url, DatabaseOptions(token=token, read_only=False, pool_size=1))
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())
