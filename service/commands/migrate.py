"""`aicompare migrate`: bring the schema up or down, show where it is, write `schema.sql`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from service.commands.database import WAIT, database_options, waiting
from service.logs import say
from service.storage import migrate as migrations_of
from service.storage.database import Database, DatabaseOptions
from service.storage.migrate import Migration
from service.storage.opening import open_database

T = TypeVar("T")
Work = Callable[[Database, list[Migration]], Awaitable[T]]

_TIMEOUT = click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=300.0,
    show_default=True,
    help="Seconds that one step may take, waiting for other writers included.",
)
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Print the SQL and change nothing.")


def _with_database(
    url: str, token: str | None, timeout: float, work: Work[T], *, write: bool = False
) -> T:
    async def run() -> T:
        options = DatabaseOptions(
            token=token, read_only=not write, deadline=timeout, pool_size=1, create=write
        )
        database = open_database(url, options)
        try:
            return await work(database, migrations_of.load(migrations_of.folder(database.engine)))
        finally:
            await database.close()

    return asyncio.run(run())


@click.group(invoke_without_command=True)
@click.option("--dry-run", is_flag=True, help="Print the SQL that `up` would run.")
@click.pass_context
def migrate(context: click.Context, dry_run: bool) -> None:
    """Bring the database schema up or down, or show where it is."""
    if context.invoked_subcommand is not None:
        if dry_run:
            raise click.UsageError("write --dry-run after the command")
    elif dry_run:
        with up.make_context("up", ["--dry-run"], parent=context) as inner:
            up.invoke(inner)
    else:
        click.echo(context.get_help())


@migrate.command()
@database_options
@_TIMEOUT
@WAIT
@click.option("--to", metavar="NUMBER", help="Stop after this migration.")
@_DRY_RUN
def up(
    database_url: str,
    database_token: str | None,
    timeout: float,
    wait: float,
    to: str | None,
    dry_run: bool,
) -> None:
    """Apply the migrations that are pending."""

    async def work(database: Database, migrations: list[Migration]) -> bool:
        if dry_run:
            return _show(await migrations_of.plan_up(database, migrations, to), "up")
        taken: list[Migration] = []
        # Steps that were taken before it went away are not taken again.
        tell = _telling("applied", taken)
        await waiting(lambda: migrations_of.up(database, migrations, to, tell), wait)
        return bool(taken)

    if not _with_database(database_url, database_token, timeout, work, write=not dry_run):
        say("nothing to do: no migration is pending", error=dry_run)


@migrate.command()
@database_options
@_TIMEOUT
@click.option("--steps", type=click.IntRange(min=1), help="How many to take back.  [default: 1]")
@click.option("--to", metavar="NUMBER", help="Take back all after this one; 0 for all.")
@_DRY_RUN
def down(
    database_url: str,
    database_token: str | None,
    timeout: float,
    steps: int | None,
    to: str | None,
    dry_run: bool,
) -> None:
    """Take back the newest migrations, with the data they hold."""
    if steps and to:
        raise click.UsageError("give --steps or --to, not both")
    count = steps or 1

    async def work(database: Database, migrations: list[Migration]) -> bool:
        if dry_run:
            return _show(await migrations_of.plan_down(database, migrations, count, to), "down")
        taken: list[Migration] = []
        await migrations_of.down(database, migrations, count, to, _telling("took back", taken))
        return bool(taken)

    if not _with_database(database_url, database_token, timeout, work, write=not dry_run):
        say("nothing to do: no such migration is applied", error=dry_run)


@migrate.command()
@database_options
@_TIMEOUT
def status(database_url: str, database_token: str | None, timeout: float) -> None:
    """List the migrations: applied, pending, and those only the database knows."""
    state = _with_database(database_url, database_token, timeout, migrations_of.inspect)
    lines = [(migration.version, "applied", str(migration)) for migration in state.applied]
    lines += [(migration.version, "pending", str(migration)) for migration in state.pending]
    lines += [(version, "unknown", f"{version}_{name}") for version, name, _ in state.unknown]
    for _, word, name in sorted(lines):
        click.echo(f"{word}  {name}")


@migrate.command()
def dump() -> None:
    """Print the schema that the SQLite migrations make: what `schema.sql` holds."""
    click.echo(asyncio.run(migrations_of.dump()), nl=False)


def _telling(word: str, taken: list[Migration]) -> Callable[[Migration], None]:
    def tell(migration: Migration) -> None:
        taken.append(migration)
        say(f"{word} {migration}")

    return tell


def _show(migrations: list[Migration], direction: str) -> bool:
    for migration in migrations:
        sql = migration.up if direction == "up" else migration.down
        click.echo(f"-- {migration} {direction}\n{sql.strip()}\n")
    return bool(migrations)
