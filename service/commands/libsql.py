"""`aicompare libsql`: who may use libSQL servers."""

from __future__ import annotations

import datetime
from importlib.util import find_spec
from pathlib import Path

import click

from service.errors import ServiceError
from service.operations import keys as made
from service.operations.keys import Access

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def libsql() -> None:
    """Make keys, tokens and certificates for libSQL servers."""
    if find_spec("cryptography") is None:
        raise ServiceError("that needs aicompare[keys]: install it")


@libsql.command()
@click.argument("folder", type=_FOLDER, default=".")
@click.option("--rotate", is_flag=True, help="Make another key; tokens of those before stay good.")
def keys(folder: Path, rotate: bool) -> None:
    """Make the keys that tokens are signed and checked with.

    FOLDER/libsql.key signs tokens: keep it where no server is. FOLDER/libsql.pem checks them: a
    server is given it as --auth-jwt-key-file, `aicompare node` by AICOMPARE_LIBSQL_KEY_FILE.
    """
    made.make_keys(folder, rotate=rotate)
    click.echo(f"{folder / made.PRIVATE} signs tokens: keep it secret")
    click.echo(f"{folder / made.PUBLIC} checks them: for the servers")


@libsql.command()
@click.option(
    "--access",
    type=click.Choice(["ro", "rw"]),
    required=True,
    help="ro: read, for regions that do; rw: write as well.",
)
@click.option(
    "--key", type=_FILE, default=made.PRIVATE, show_default=True, help="The key that signs it."
)
@click.option("--expires", type=click.IntRange(1, 36_500), metavar="DAYS", help="Days it lasts.")
def token(access: Access, key: Path, expires: int | None) -> None:
    """Make a token for a libSQL server and print it."""
    now = datetime.datetime.now(datetime.UTC)
    until = None if expires is None else now + datetime.timedelta(days=expires)
    click.echo(made.token(made.read_key(key), access, until))


@libsql.command()
@click.argument("folder", type=_FOLDER)
@click.option(
    "--expires", type=click.IntRange(1, 36_500), default=365, show_default=True, metavar="DAYS",
    help="Days they last.",
)  # fmt: skip
def certificates(folder: Path, expires: int) -> None:
    """Make certificates by which servers of all regions know each other (mutual TLS).

    FOLDER gets ca.pem, cert.pem and key.pem, the same for each of them: AICOMPARE_LIBSQL_TLS_FOLDER
    names it. Without them a libSQL server's gRPC port lets in whoever reaches it.
    """
    now = datetime.datetime.now(datetime.UTC)
    made.make_certificates(folder, now, datetime.timedelta(days=expires))
    click.echo(f"{folder} is for all nodes: keep {folder / 'key.pem'} secret")
