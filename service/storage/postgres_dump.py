"""Postgres' own dump of a state that is held, by its own program."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any, Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from service.errors import DatabaseUnusable

# Seconds that a dump may take.
_DEADLINE: Final = 3600


def dump(program: str, url: str, snapshot: str, target: Path) -> None:
    """Write a dump that `pg_restore` reads; blocks. Raises `DatabaseUnusable` with its words."""
    known: dict[str, Any] = conninfo_to_dict(url)
    # Not among the arguments, which everybody on the machine can see.
    environment = dict(os.environ)
    if password := known.pop("password", None):
        environment["PGPASSWORD"] = str(password)
    command = [program, "--format=custom", f"--snapshot={snapshot}", f"--file={target}"]
    command += ["--no-owner", "--no-privileges", f"--dbname={make_conninfo('', **known)}"]
    try:
        done = subprocess.run(  # noqa: S603
            command, env=environment, capture_output=True, text=True, timeout=_DEADLINE, check=False
        )
    except subprocess.TimeoutExpired:
        raise DatabaseUnusable(f"{program} did not dump within {_DEADLINE} s") from None
    except OSError as error:
        raise DatabaseUnusable(
            f"{program} cannot be run: {error.strerror}: install Postgres' client, or unset "
            "AICOMPARE_PG_DUMP"
        ) from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"code {done.returncode}"])[-1]
        raise DatabaseUnusable(f"{program} cannot dump the database: {said}")
