"""`aicompare webhook`: who is told of changes."""

from __future__ import annotations

import datetime
import sys
from typing import get_args

import click
from rich.console import Console
from rich.table import Table as Grid

from service.application import webhooks
from service.application.posting import Outcome, Poster
from service.commands.database import database_options, with_database
from service.domain.changes import ChangeKind, Table
from service.domain.queries import ChangeFilter
from service.domain.webhooks import Webhook
from service.http.reply import encode
from service.settings import Settings
from service.storage.database import Database
from service.storage.webhooks import Owed


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _anywhere(settings: Settings) -> bool:
    return settings.webhook_targets == "any"


def _print(grid: Grid) -> None:
    Console(highlight=False, markup=False, width=200).print(grid)


@click.group()
def webhook() -> None:
    """Tell other services of changes, by a signed POST to each."""


@webhook.command()
@database_options
@click.argument("url")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(get_args(ChangeKind)),
    help="Changes of this kind; may be given several times. All by default.",
)
@click.option(
    "--table",
    "tables",
    multiple=True,
    type=click.Choice(get_args(Table)),
    help="Changes of this table; may be given several times. All by default.",
)
@click.option("--model", help="Changes of this model, its prices and its scores only.")
@click.pass_obj
def add(
    settings: Settings,
    database_url: str,
    database_token: str | None,
    url: str,
    kinds: tuple[ChangeKind, ...],
    tables: tuple[Table, ...],
    model: str | None,
) -> None:
    """Tell URL of what changes from now on, and print the secret that signs: shown this once.

    The secret is kept in the database as it is, since it is needed to sign.
    """
    wanted = ChangeFilter(kind=kinds, table=tables, model=model)
    made, secret = with_database(
        database_url,
        database_token,
        lambda db: webhooks.add(db, url, wanted, _now(), anywhere=_anywhere(settings)),
    )
    click.echo(f"webhook {made.id}; its secret, shown this once:", err=True)
    click.echo(secret)


@webhook.command(name="list")
@database_options
def list_(database_url: str, database_token: str | None) -> None:
    """List all webhooks: what each wants, how far it is, and what is wrong with it."""
    grid = Grid("id", "url", "wants", "through", "state", box=None, pad_edge=False)
    for one in with_database(database_url, database_token, webhooks.list_webhooks):
        hook = one.webhook
        grid.add_row(hook.id, hook.url, _wants(hook), str(hook.position), _state(one))
    _print(grid)


@webhook.command()
@database_options
@click.argument("id")
def remove(database_url: str, database_token: str | None, id: str) -> None:
    """Tell a webhook nothing more."""
    with_database(database_url, database_token, lambda db: webhooks.remove(db, id))
    click.echo(f"removed {id}")


@webhook.command()
@database_options
@click.argument("id")
def resume(database_url: str, database_token: str | None, id: str) -> None:
    """Try a webhook that was paused again, from where it was."""
    with_database(database_url, database_token, lambda db: webhooks.resume(db, id, _now()))
    click.echo(f"resumed {id}")


@webhook.command()
@database_options
@click.argument("id")
@click.pass_obj
def test(settings: Settings, database_url: str, database_token: str | None, id: str) -> None:
    """Send a POST without events from here, and tell how it went."""

    async def send(database: Database) -> Outcome:
        poster = Poster(settings.webhook_deadline, anywhere=_anywhere(settings))
        try:
            return await webhooks.test(database, id, poster, encode)
        finally:
            await poster.close()

    outcome = with_database(database_url, database_token, send)
    click.echo(outcome.error or f"arrived: status {outcome.status}")
    if outcome.error:
        sys.exit(1)


@webhook.command()
@database_options
@click.argument("id", required=False)
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=20,
    show_default=True,
    help="How many at most.",
)
def deliveries(database_url: str, database_token: str | None, id: str | None, limit: int) -> None:
    """List the newest deliveries, of one webhook or of all."""
    names = ("delivery", "webhook", "revisions", "events", "attempts", "state", "last error")
    grid = Grid(*names, box=None, pad_edge=False)
    for one in with_database(
        database_url, database_token, lambda db: webhooks.list_deliveries(db, id, limit)
    ):
        state = f"arrived {one.delivered_at}" if one.delivered_at else "on its way"
        if one.next_attempt_at:
            state = f"tried again at {one.next_attempt_at}"
        grid.add_row(
            one.id, one.webhook_id, f"{one.after_revision + 1} to {one.through_revision}",
            str(one.events), str(one.attempts), state, one.error or "",
        )  # fmt: skip
    _print(grid)


def _wants(hook: Webhook) -> str:
    parts = (*hook.tables, *hook.kinds, *([hook.model_id] if hook.model_id else []))
    return ", ".join(parts) or "everything"


def _state(one: Owed) -> str:
    hook, pending = one.webhook, one.pending
    error = pending.error if pending else None
    if hook.paused_at:
        return f"PAUSED {hook.paused_at}, failing since {hook.failing_since}: {error}"
    if hook.failing_since and pending:
        return (
            f"failing since {hook.failing_since}, {pending.attempts} attempts, "
            f"next {pending.next_attempt_at}: {error}"
        )
    return f"last delivery {hook.delivered_at}" if hook.delivered_at else "nothing delivered yet"
