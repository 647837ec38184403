"""`aicompare stats`: how the database is doing."""

from __future__ import annotations

import datetime
import json

import click
from rich.console import Console
from rich.table import Table as Shown

from service.commands.database import database_options, with_database
from service.storage import stats as stored
from service.storage.opening import open_database


@click.command()
@database_options
@click.option("--sql", is_flag=True, help="Print the queries themselves.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def stats(database_url: str, database_token: str | None, sql: bool, as_json: bool) -> None:
    """Show rows per table, revision, runs, held prices, locks, webhooks, backups, age of prices."""
    now = datetime.datetime.now(datetime.UTC)
    if sql:
        click.echo(stored.script(open_database(database_url).engine, now), nl=False)
        return
    found = with_database(database_url, database_token, lambda db: stored.stats(db, now))
    if as_json:
        tables = {
            one.name: [dict(zip(one.columns, row, strict=True)) for row in one.rows]
            for one in found
        }
        click.echo(json.dumps(tables, indent=2))
        return
    console = Console(highlight=False, markup=False, width=120)
    for one in found:
        shown = Shown(*one.columns, box=None, pad_edge=False)
        for row in one.rows:
            shown.add_row(*("-" if value is None else str(value) for value in row))
        console.print(one.name)
        console.print(shown if one.rows else "  none")
        console.print()
