"""The command line: `aicompare COMMAND`.

What is wrong is told in one line on stderr: exit code 1 for what the service cannot do, 2 for a
command that is misspelled, never a trace.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from typing import Final

import click

from service import __version__
from service.errors import ServiceError
from service.logs import configure, mask, say
from service.settings import Settings, secrets_of

# Each command and where it is: imported only when it is called, so that all start fast.
COMMANDS: Final = {
    "serve": "service.commands.serve:serve",
    "node": "service.commands.node:node",
    "migrate": "service.commands.migrate:migrate",
    "seed": "service.commands.seed:seed",
    "ingest": "service.commands.ingest:ingest",
    "token": "service.commands.token:token",
    "libsql": "service.commands.libsql:libsql",
    "stats": "service.commands.stats:stats",
    "doctor": "service.commands.doctor:doctor",
    "pull": "service.commands.pull:pull",
    "runs": "service.commands.runs:runs",
    "export": "service.commands.export:export",
    "import": "service.commands.export:import_",
    "backup": "service.commands.backup:backup",
    "webhook": "service.commands.webhook:webhook",
    "openapi": "service.commands.openapi:openapi",
    "settings": "service.commands.settings:settings",
}


class Commands(click.Group):
    """A group that imports a command when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="aicompare")
@click.pass_context
def cli(context: click.Context) -> None:
    """AICompare's data service: AI models, providers, prices over time, benchmark scores.

    It is configured by environment variables: see `aicompare settings`.
    """
    settings = Settings.from_environment(os.environ)
    configure(settings)
    context.obj = settings


def main() -> None:
    """The entry point of `aicompare`."""
    try:
        cli(prog_name="aicompare")
    except ServiceError as error:
        _fail(error.message)
    except Exception as error:  # a defect: its trace is for who asks for it
        logging.getLogger("service").debug("unexpected error", exc_info=error)
        first, *_ = [*str(error).splitlines(), ""]
        _fail(f"unexpected {type(error).__name__}: {first} (AICOMPARE_LOG_LEVEL=debug shows more)")


def _fail(message: str) -> None:
    line = mask(" ".join(message.split()), _secrets())
    say(f"aicompare: {line}", error=True)
    sys.exit(1)


def _secrets() -> tuple[str, ...]:
    try:
        return secrets_of(Settings.from_environment(os.environ))
    except ServiceError:  # which has told no value of a secret one
        return ()
