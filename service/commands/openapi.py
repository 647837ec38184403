"""`aicompare openapi`."""

from __future__ import annotations

import click

from service.http.openapi import document
from service.http.routes import ACTIONS, ENDPOINTS


@click.command()
def openapi() -> None:
    """Print the OpenAPI description, as `/openapi.json` serves it: for generating clients."""
    click.echo(document(ENDPOINTS, ACTIONS))
