"""A server that is killed leaves nobody behind who goes on answering at its port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.databases import copied
from tests.engines import Server
from tests.processes import client, started

pytestmark = pytest.mark.anyio


async def no_answer(http: httpx.AsyncClient, url: str) -> None:
    """Return when nobody listens any more."""
    while True:
        try:
            await http.get(url, headers={"connection": "close"})
        except httpx.TransportError:
            return
        await asyncio.sleep(0.1)


async def test_workers_end_with_it(servers: Callable[[str], Server], tmp_path: Path) -> None:
    async with (
        copied(servers("sqlite"), "empty") as engine,
        started(engine, tmp_path / "log") as serving,
        client() as http,
    ):
        assert serving.process
        serving.process.kill()
        serving.process.wait()
        await asyncio.wait_for(no_answer(http, f"{serving.url}/health/live"), 60)
