"""`aicompare settings`."""

from __future__ import annotations

import click

from service.settings import Settings, describe, markdown


@click.command()
@click.option("--markdown", "as_table", is_flag=True, help="The table of docs/settings.md.")
@click.pass_obj
def settings(current: Settings, as_table: bool) -> None:
    """Show all settings: the variable, its value now and what it is for."""
    if as_table:
        click.echo(markdown())
        return
    for row in describe(current):
        click.echo(f"{row.variable}={row.shown}\n    {row.help}")
