"""`aicompare token`: who may write."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from service.application import tokens
from service.domain.tokens import Scope
from service.domain.values import timestamp
from service.storage.database import Database, DatabaseOptions, open_database

T = TypeVar("T")

_OPTIONS = (
    click.option(
        "--database-url",
        envvar=["AICOMPARE_PRIMARY_DATABASE_URL", "AICOMPARE_DATABASE_URL"],
        default="file:aicompare.db",
        show_default=True,
        help="Database that keeps the tokens: where writes go.",
    ),
    click.option(
        "--database-token",
        envvar=["AICOMPARE_PRIMARY_DATABASE_TOKEN", "AICOMPARE_DATABASE_TOKEN"],
        help="Token for a libSQL server. Better given in the environment.",
    ),
)


def _database_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _with_database(url: str, token: str | None, work: Callable[[Database], Awaitable[T]]) -> T:
    async def run() -> T:
        database = open_database(url, DatabaseOptions(token=token, read_only=False, pool_size=1))
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


@click.group()
def token() -> None:
    """Make, list and revoke the tokens that may write."""


@token.command()
@_database_options
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
    credential = _with_database(
        database_url,
        database_token,
        lambda database: tokens.create(database, name, scope, _now(), lifetime),
    )
    click.echo(f"{name} ({scope}), shown this once:", err=True)
    click.echo(str(credential))


@token.command(name="list")
@_database_options
def list_(database_url: str, database_token: str | None) -> None:
    """List all tokens, without their secrets."""
    found = _with_database(database_url, database_token, tokens.list_tokens)
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
@_database_options
@click.argument("which", metavar="ID_OR_NAME")
def revoke(database_url: str, database_token: str | None, which: str) -> None:
    """Revoke a token: it is refused from now on."""
    _with_database(
        database_url, database_token, lambda database: tokens.revoke(database, which, _now())
    )
    click.echo(f"revoked {which}")
