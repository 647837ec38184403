"""`aicompare runs`: what pipelines did, and taking it back."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

import click
from rich.console import Console
from rich.table import Table

from service.application import runs as runs_of
from service.application.undo import undo_run
from service.commands.database import database_options, with_database
from service.domain.runs import RunQuery
from service.storage.database import Database
from service.storage.writing import Author


@click.group()
def runs() -> None:
    """List the runs of pipelines, and undo a whole one."""


@runs.command(name="list")
@database_options
@click.option(
    "--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many at most."
)
def list_(database_url: str, database_token: str | None, limit: int) -> None:
    """List the newest runs, the newest first."""
    answer = with_database(
        database_url,
        database_token,
        lambda database: runs_of.list_runs(database, RunQuery(page_size=limit)),
    )
    table = Table("id", "status", "source", "by", "started", "models", box=None, pad_edge=False)
    for one in answer.data:
        models = f"{one.models_updated:,}"
        table.add_row(one.id, one.status, one.source or "", one.actor, one.started_at, models)
    Console(highlight=False, markup=False, width=160).print(table)


@runs.command()
@database_options
@click.argument("run", metavar="ID")
@click.option("--force", is_flag=True, help="Lose what others changed since in the same rows.")
def undo(database_url: str, database_token: str | None, run: str, force: bool) -> None:
    """Undo a whole run: every row that it changed is what it was before.

    One write, as a run of its own, which `undo` takes back in its turn. Rows that the run made are
    marked as deleted. The source will bring the same again: stop it first, or lock what is right.
    """
    own = runs_of.new_id()
    author = Author("undo", datetime.datetime.now(datetime.UTC), own)

    async def work(database: Database) -> tuple[int, Mapping[str, int]]:
        return await undo_run(database, run, author=author, force=force)

    revision, counts = with_database(database_url, database_token, work)
    done = ", ".join(f"{count:,} {table}" for table, count in counts.items() if count)
    click.echo(f"undone at revision {revision}: {done or 'nothing left to undo'}")
    click.echo(f"`aicompare runs undo {own}` takes that back")
