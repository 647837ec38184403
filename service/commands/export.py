"""`aicompare export` and `aicompare import`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from service.commands.database import database_options
from service.operations import portable
from service.operations.manifest import Manifest
from service.operations.portable import Place

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@database_options
@click.argument("folder", metavar="DIR", type=FOLDER)
def export(database_url: str, database_token: str | None, folder: Path) -> None:
    """Write the whole database into a new folder: NDJSON and a manifest.

    From any engine, while others write; `import` reads it into any. It holds hashes of tokens and
    the secrets of webhooks: keep it closed.
    """
    manifest = asyncio.run(portable.export(Place(database_url, database_token), folder))
    told(manifest, "exported revision {}")


@click.command(name="import")
@database_options
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--force", is_flag=True, help="Replace what is there, which is kept as DIR.before.")
def import_(database_url: str, database_token: str | None, folder: Path, force: bool) -> None:
    """Fill a database with what `export` wrote: all of it, or nothing.

    The database may lack a schema, and is empty unless --force is given.
    """
    place = Place(database_url, database_token)

    async def keep() -> str:
        aside = folder.with_name(f"{folder.name}.before")
        await portable.export(place, aside)
        click.echo(f"what was there is kept in {aside}")
        return str(aside)

    manifest = asyncio.run(portable.import_(folder, place, force=force, keep=keep))
    told(manifest, "imported revision {}, every table compared by digest")


def told(manifest: Manifest, words: str) -> None:
    """Say what was copied."""
    for table in manifest.tables:
        click.echo(f"{table.rows:>10,}  {table.name}")
    click.echo(words.format(manifest.revision))
