"""Processes that die during ingest: what was acknowledged is there whole, all else not in part."""

from __future__ import annotations

import asyncio
import datetime
import os
import signal
import subprocess
import sys
from typing import Any

import httpx
import pytest

from service.application import ingest, tokens
from service.errors import ServiceError
from service.storage.database import Database
from service.storage.writing import Author, Once
from tests.databases import copied, writing
from tests.engines import LibsqlServer, Server, free_port
from tests.pipeline.conftest import Clock
from tests.pushing import SIZE, as_json, numbered, whole

pytestmark = pytest.mark.anyio

NOW = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)


async def push(db: Database, number: int) -> bool:
    """Push a batch until it is acknowledged; whether it ever is."""
    once = Once(f"k{number}", "x")
    for _ in range(500):
        try:
            await ingest.ingest(db, numbered(number), author=Author("a", NOW), once=once)
        except ServiceError:
            await asyncio.sleep(0.05)
        else:
            return True
    return False


@pytest.mark.parametrize("server", ["libsql"], indirect=True)
async def test_the_libsql_server_is_killed(server: Server) -> None:
    assert isinstance(server, LibsqlServer)
    async with copied(server, "empty") as engine, writing(engine, deadline=2.0) as db:
        acknowledged: set[int] = set()

        async def pipeline(first: int) -> None:
            for number in range(first, 60, 3):
                assert await push(db, number)
                acknowledged.add(number)

        async def killer() -> None:
            for _ in range(3):
                await asyncio.sleep(0.25)
                process = server.primary(engine)
                process.kill()
                await asyncio.to_thread(process.start)
                before = set(acknowledged)
                assert before <= await whole(db)

        await asyncio.gather(killer(), *(pipeline(first) for first in range(3)))
        assert await whole(db) == acknowledged == set(range(60)), "repeats made nothing twice"


async def test_the_service_is_killed(server: Server) -> None:
    """A real server process, killed while pipelines push; what it answered stays."""
    async with copied(server, "empty") as engine, writing(engine) as db:
        secret = str(await tokens.create(db, "t", "pipeline", Clock()()))
        port = free_port()
        environment = os.environ | {
            "AICOMPARE_DATABASE_URL": engine.writer_url,
            "AICOMPARE_LOG_LEVEL": "error",
        }
        if engine.writer_token:
            environment["AICOMPARE_DATABASE_TOKEN"] = engine.writer_token
        command = [sys.executable, "-c", "from service.cli import main; main()"]
        command += ["serve", "--port", str(port)]
        url = f"http://127.0.0.1:{port}/v1/pipeline/ingest"

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
            )

        process = start()
        acknowledged: dict[int, Any] = {}
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=60) as client:

                async def pipeline(first: int) -> None:
                    for number in range(first, 40, 2):
                        headers = {
                            "authorization": f"Bearer {secret}", "idempotency-key": f"k{number}",
                        }  # fmt: skip
                        body = as_json(numbered(number))
                        for _ in range(2000):
                            try:
                                answer = await client.post(url, content=body, headers=headers)
                            except httpx.TransportError:
                                await asyncio.sleep(0.05)
                                continue
                            assert answer.status_code in (200, 503), answer.text
                            if answer.status_code == 200:
                                acknowledged[number] = answer.json()["data"]
                                break

                async def killer() -> None:
                    nonlocal process
                    for goal in (3, 20):
                        while len(acknowledged) < goal:  # noqa: ASYNC110
                            await asyncio.sleep(0.005)
                        os.killpg(process.pid, signal.SIGKILL)
                        process.wait()
                        process = start()

                await asyncio.wait_for(asyncio.gather(killer(), pipeline(0), pipeline(1)), 240)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        assert await whole(db) == set(acknowledged) == set(range(40))
        assert all(one["pricing"]["created"] == SIZE for one in acknowledged.values())
