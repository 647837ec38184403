"""`aicompare token`: who may write."""

from __future__ import annotations

import datetime

import click
from rich.console import Console
from rich.table import Table

from service.application import tokens
from service.commands.database import database_options, with_database
from service.domain.tokens import Scope
from service.domain.values import timestamp


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


@click.group()
def token() -> None:
    """Make, list and revoke the tokens that may write."""


@token.command()
@database_options
@click.option("--name", required=True, help="What the change log calls whoever uses it.")
@click.option(
    "--scope",
    type=click.Choice(["pipeline", "admin"]),
    required=True,
    help="pipeline: push runs and batches; admin: edit, lock, accept, and all of that too.",
)
@click.option("--expires", type=click.IntRange(1, 36_500), metavar="DAYS", help="Days it lasts.")
def create(
    database_url: str, database_token: str | None, name: str, scope: Scope, expires: int | None
) -> None:
    """Make a token and print it: it is shown this once."""
    lifetime = None if expires is None else datetime.timedelta(days=expires)
    credential = with_database(
        database_url,
        database_token,
        lambda database: tokens.create(database, name, scope, _now(), lifetime),
    )
    click.echo(f"{name} ({scope}), shown this once:", err=True)
    click.echo(str(credential))


@token.command(name="list")
@database_options
def list_(database_url: str, database_token: str | None) -> None:
    """List all tokens, without their secrets."""
    found = with_database(database_url, database_token, tokens.list_tokens)
    table = Table("id", "name", "scope", "state", "created", "last used", box=None, pad_edge=False)
    now = timestamp(_now())
    for one in found:
        state = "active" if one.active(now) else "expired"
        if one.revoked_at:
            state = f"revoked {one.revoked_at}"
        elif one.expires_at:
            state = f"{state} ({one.expires_at})"
        row = (one.id, one.name, one.scope, state, one.created_at, one.last_used_at or "never")
        table.add_row(*row)
    Console(highlight=False, markup=False, width=160).print(table)


@token.command()
@database_options
@click.argument("which", metavar="ID_OR_NAME")
def revoke(database_url: str, database_token: str | None, which: str) -> None:
    """Revoke a token: it is refused from now on."""
    with_database(
        database_url, database_token, lambda database: tokens.revoke(database, which, _now())
    )
    click.echo(f"revoked {which}")
