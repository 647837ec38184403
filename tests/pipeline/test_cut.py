"""Connections that end too early: nothing in part, and a repeat gives the first answer."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from service.storage.database import Database
from tests.databases import copied, writing
from tests.engines import Server
from tests.ingest.wire import SECRET, serving
from tests.pipeline.conftest import rows
from tests.pipeline.test_crashes import SIZE, as_json, numbered, whole

pytestmark = pytest.mark.anyio

BODY = as_json(numbered(1))
# Read as a batch by whoever takes what came for all there is.
PADDED = BODY + b" " * 100_000


class Running(NamedTuple):
    """A server process, and its database."""

    port: int
    db: Database

    async def post(self, key: str, body: bytes = BODY) -> Any:
        """The data of the answer to a whole request."""
        headers = {"authorization": f"Bearer {SECRET}", "idempotency-key": key}
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            url = f"http://127.0.0.1:{self.port}/v1/pipeline/ingest"
            answer = await client.post(url, content=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def cut(self, key: str, head: str, sent: bytes, *, reset: bool) -> None:
        """Send the beginning of a request, and close the connection or break it."""
        request = (
            f"POST /v1/pipeline/ingest HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {SECRET}\r\n"
            f"Content-Type: application/json\r\nIdempotency-Key: {key}\r\n{head}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(request.encode() + sent)
            if reset:
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    async def written(self) -> dict[str, int]:
        """How much there is of all that an ingest writes."""
        tables = ("providers", "models", "pricing", "changes", "pipeline_runs", "idempotency_keys")
        counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)
        [found] = await rows(self.db, f"SELECT {counts}")
        return dict(zip(tables, found, strict=True))


@pytest.fixture
async def running(server: Server, tmp_path: Path) -> AsyncIterator[Running]:
    async with copied(server, "empty") as engine, writing(engine) as db:
        with serving(engine, tmp_path / "log") as port:
            yield Running(port, db)


async def test_a_body_that_ends_in_the_middle(running: Running) -> None:
    nothing = await running.written()
    declared = f"Content-Length: {len(PADDED)}"
    chunk = f"{len(BODY):x}\r\n".encode() + BODY + b"\r\n"
    for head, sent in (
        (declared, b""),
        (declared, BODY[: len(BODY) // 2]),
        (declared, BODY),
        (declared, PADDED[:-1]),
        ("Transfer-Encoding: chunked", chunk[: len(chunk) // 2]),
        ("Transfer-Encoding: chunked", chunk),
    ):
        for reset in (False, True):
            await asyncio.to_thread(running.cut, "k", head, sent, reset=reset)
    await asyncio.sleep(0.5)
    assert set(nothing.values()) == {0}
    assert await running.written() == nothing
    first = await running.post("k", PADDED)
    assert (first["models"]["created"], first["pricing"]["created"]) == (SIZE, SIZE)
    assert await running.post("k", PADDED) == first
    assert await whole(running.db) == {1}


async def test_a_client_that_goes_before_the_answer(running: Running) -> None:
    there = 0
    for number in range(6):
        body, key = as_json(numbered(number)), f"k{number}"
        head = f"Content-Length: {len(body)}"
        await asyncio.to_thread(running.cut, key, head, body, reset=number % 2 == 0)
        if number % 3:  # else the repeat comes while the first may be at work
            for _ in range(60):
                if number in await whole(running.db):
                    there += 1
                    break
                await asyncio.sleep(0.05)
        first = await running.post(key, body)
        assert (first["models"]["created"], first["pricing"]["created"]) == (SIZE, SIZE)
        assert await running.post(key, body) == first
        assert await whole(running.db) == set(range(number + 1)), "written once, and whole"
    assert there, "what arrived whole is written, whether anyone waits for the answer or not"
    assert (await running.written())["pipeline_runs"] == 6
