"""`aicompare backup`."""

from __future__ import annotations

import asyncio
import datetime
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from service.commands.database import database_options
from service.errors import NotFound
from service.operations import backups, litestream
from service.operations.backups import Backup
from service.operations.manifest import Unusable
from service.operations.portable import Place, export
from service.operations.store import open_store
from service.settings import Settings


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


@click.group()
def backup() -> None:
    """Make, list, prove and restore backups, of any engine and into any."""


@backup.command()
@database_options
@click.pass_obj
def now(settings: Settings, database_url: str, database_token: str | None) -> None:
    """Make a backup, prove it by restoring it aside, and give up what is too old."""
    store = open_store(settings)

    async def run() -> tuple[Backup, list[str]]:
        place = Place(database_url, database_token)
        made = await backups.make(place, store, _now, pg_dump=settings.pg_dump)
        return made, await backups.prune(store, settings.backup_days, _now)

    made, given_up = asyncio.run(run())
    click.echo(
        f"{made.name}: revision {made.revision}, {made.rows:,} rows, {made.size:,} bytes in "
        f"{store.where}, restored aside and found equal"
    )
    if given_up:
        click.echo(f"gave up {', '.join(given_up)}")


@backup.command(name="list")
@click.pass_obj
def list_(settings: Settings) -> None:
    """List the backups, the oldest first, and what is left of those that broke off."""
    store = open_store(settings)
    listed = asyncio.run(backups.list_backups(store))
    grid = Table("name", "made", "engine", "revision", "rows", "bytes", box=None, pad_edge=False)
    for one in listed.backups:
        figures = (f"{number:,}" for number in (one.revision, one.rows, one.size))
        grid.add_row(one.name, one.made_at, one.engine, *figures)
    if listed.backups:
        Console(highlight=False, markup=False, width=160).print(grid)
    else:
        click.echo(f"{store.where} has no backup")
    for file in listed.broken:
        click.echo(f"{file}: cut short, not to be restored", err=True)


@backup.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.pass_obj
def verify(settings: Settings, names: tuple[str, ...]) -> None:
    """Prove backups, all unless named: make a database of each and compare every table.

    Exit code 1 where one is not what it was.
    """
    store = open_store(settings)

    async def run() -> bool:
        found = [await backups.find(store, name, None) for name in names]
        listed = await backups.list_backups(store)
        good = bool(names) or not listed.broken
        for file in [] if names else listed.broken:
            click.echo(f"WRONG  {file}: cut short")
        for one in found or listed.backups:
            try:
                await backups.verify(store, one, _now)
            except Unusable as error:
                click.echo(f"WRONG  {one.name}: {error.message}")
                good = False
            else:
                click.echo(f"ok     {one.name}: revision {one.revision}, {one.rows:,} rows")
        return good

    if not asyncio.run(run()):
        sys.exit(1)


@backup.command()
@database_options
@click.option("--at", metavar="MOMENT", help="Restore what was then: 2026-11-24T12:30:00Z.")
@click.option("--name", help="Restore this one, as `list` names it.")
@click.option("--to", metavar="URL", help="Another database than the one of the settings.")
@click.option(
    "--to-token", envvar="AICOMPARE_RESTORE_TOKEN", help="Token for that, if it is libSQL."
)
@click.option("--force", is_flag=True, help="Replace what is there, backed up first.")
@click.pass_obj
def restore(
    settings: Settings,
    database_url: str,
    database_token: str | None,
    at: str | None,
    name: str | None,
    to: str | None,
    to_token: str | None,
    force: bool,
) -> None:
    """Restore a backup, the newest unless told otherwise: all of it, or nothing.

    The newest one up to --at; of a SQLite file that Litestream follows, that very second.
    """
    if at and name:
        raise click.UsageError("give --at or --name, not both")
    store = open_store(settings)
    place = Place(to, to_token) if to else Place(database_url, database_token)
    moment = backups.parse_moment(at) if at else None
    if moment and moment > _now():
        raise click.UsageError(f"--at {at} is yet to come: without an offset it is UTC")

    async def run(scratch: Path) -> None:
        folder = scratch / "in"
        if name or not await _followed(settings, database_url, moment, folder):
            found = await backups.find(store, name, moment)
            await backups.fetch(store, found, folder)
            source = f"{found.name}, made {found.made_at}"
        else:
            source = f"what Litestream has of {at or 'now'}"
        manifest, aside = await backups.put_back(store, folder, place, _now, force=force)
        if aside:
            click.echo(f"what was there is kept as {aside.name}")
        click.echo(f"restored {source}: revision {manifest.revision}")

    with tempfile.TemporaryDirectory(prefix="aicompare-") as scratch:
        asyncio.run(run(Path(scratch)))


async def _followed(
    settings: Settings, url: str, moment: datetime.datetime | None, folder: Path
) -> bool:
    """Export into a folder what Litestream has of a moment; False where it has nothing."""
    if (file := litestream.file_of(url)) is None or not litestream.installed():
        return False
    copy = folder.with_name("followed.db")
    try:
        litestream.restore(settings, file, moment, copy)
    except NotFound:
        return False
    await export(Place(copy.as_uri()), folder)
    return True
