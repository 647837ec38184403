"""A program beside the service, told to end."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from pathlib import Path

import pytest

from service.operations import program
from service.operations.node import SERVER_DEAF, SERVER_STOPS
from tests.engines import SQLD, free_port

pytestmark = pytest.mark.anyio


async def test_a_server_that_has_hardly_begun(tmp_path: Path) -> None:
    """It takes the signal over before it listens for it, and misses one in between."""
    command = (str(SQLD), "--no-welcome", "--db-path", str(tmp_path / "data"))
    command += ("--http-listen-addr", f"127.0.0.1:{free_port()}")
    process = await program.start(command, os.environ)
    status = Path(f"/proc/{process.pid}/status")
    async with asyncio.timeout(10):
        while not _caught(status.read_text()) & 1 << signal.SIGTERM - 1:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    assert await program.stop(process, SERVER_STOPS, SERVER_DEAF)


def _caught(status: str) -> int:
    found = re.search(r"^SigCgt:\s*(\w+)$", status, re.MULTILINE)
    assert found
    return int(found[1], 16)
