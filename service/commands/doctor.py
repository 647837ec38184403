"""`aicompare doctor`."""

from __future__ import annotations

import asyncio
import datetime
import sys

import click

from service.application import doctor as doctor_of
from service.commands.database import database_options
from service.storage import migrate
from service.storage.database import DatabaseOptions
from service.storage.opening import open_database


@click.command()
@database_options
@click.option("--rebuild", is_flag=True, help="First make the listing and its search index anew.")
def doctor(database_url: str, database_token: str | None, rebuild: bool) -> None:
    """Check that what is derived in the database equals its source.

    A line for each check; exit code 1 when something is wrong. Services that run meanwhile may
    answer from their caches until the next write.
    """
    checks = asyncio.run(_examine(database_url, database_token, rebuild))
    for check in checks:
        click.echo(f"{'ok   ' if check.good else 'WRONG'}  {check.name}: {check.found}")
    if not all(check.good for check in checks):
        sys.exit(1)


async def _examine(url: str, token: str | None, rebuild: bool) -> list[doctor_of.Check]:
    now = datetime.datetime.now(datetime.UTC)
    database = open_database(
        url, DatabaseOptions(token=token, read_only=False, deadline=300.0, pool_size=1)
    )
    try:
        await migrate.check(database)
        if rebuild:
            count = await doctor_of.rebuild(database, now=now)
            click.echo(f"rebuilt the listing: {count} models")
        return await doctor_of.examine(database, today=now.date())
    finally:
        await database.close()
