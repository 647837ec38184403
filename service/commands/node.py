"""`aicompare node`."""

from __future__ import annotations

import asyncio
import os
import sys

import click

from service.operations.node import plan
from service.operations.supervisor import supervise
from service.settings import Settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port to use."
)
@click.option(
    "--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes."
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=120.0,
    show_default=True,
    help="Seconds that a replica may take until it can be read.",
)
@click.pass_obj
def node(settings: Settings, host: str, port: int, workers: int, wait: float) -> None:
    """Run a region: the libSQL server, and the service beside it.

    It is the primary where AICOMPARE_REGION is AICOMPARE_PRIMARY_REGION, and migrates the database
    there; elsewhere it follows the primary. SIGTERM stops the service, then the server.
    """
    serve = ("--host", host, "--port", str(port), "--workers", str(workers))
    sys.exit(asyncio.run(supervise(plan(settings, os.environ), serve, wait)))
