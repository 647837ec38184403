"""Clients that are slow, half there or very many: others are answered as if they were not."""

from __future__ import annotations

import asyncio
import resource
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from service.commands.serve import STOP_SECONDS
from tests.databases import copied, writing
from tests.engines import Server
from tests.processes import HEADERS, Serving, client, started
from tests.pushing import Pusher, as_json, numbered, whole

pytestmark = pytest.mark.anyio

MANY = 2_000


@pytest.fixture
async def serving(
    servers: Callable[[str], Server], request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Serving]:
    """A service over the catalogue of the tests, with short deadlines for bodies.

    On the engine that the parameter names; by default a file.
    """
    async with (
        copied(servers(getattr(request, "param", "sqlite")), "seeded") as engine,
        started(engine, tmp_path / "log", BODY_DEADLINE="4") as serving,
    ):
        yield serving


@pytest.fixture
def sockets() -> Iterator[None]:
    """Room for many of them in this process and those that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 8192), hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def others_are_answered(serving: Serving) -> None:
    """Requests over new connections, some of them new questions."""
    for number in range(5):
        async with client() as http:
            answer = await http.get(f"{serving.url}/v1/models?pageSize={number + 100}")
            assert answer.status_code == 200
            assert (await http.get(f"{serving.url}/health/ready")).status_code == 200


async def connect(serving: Serving) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", serving.port)


@pytest.mark.parametrize("serving", ["libsql", "postgres"], indirect=True)
async def test_two_thousand_idle_connections(sockets: None, serving: Serving) -> None:
    """Some of them have asked before, most never will."""
    before = memory(serving)
    writers = []
    for start in range(0, MANY, 200):
        made = await asyncio.gather(*(connect(serving) for _ in range(start, start + 200)))
        writers += [writer for _, writer in made]
        if start < 400:
            for reader, writer in made:
                writer.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
                assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    await others_are_answered(serving)
    assert memory(serving) - before < 100
    for writer in writers:
        writer.close()
    await others_are_answered(serving)
    assert await serving.stop() == 0


async def test_a_wish_to_leave_http(serving: Serving) -> None:
    """It has the answer that it would have had without."""
    async with client(2) as http:
        upgrade = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
        upgrade["sec-websocket-key"] = "dGhlIHNhbXBsZSBub25jZQ=="
        for path, status in (("/v1/status", 200), ("/none", 404)):
            answer = await http.get(f"{serving.url}{path}", headers=upgrade)
            assert answer.status_code == status
            assert answer.json().keys() >= {"data", "meta"}


@pytest.mark.parametrize("serving", ["libsql", "postgres"], indirect=True)
async def test_answers_that_nobody_reads(serving: Serving) -> None:
    """Larger than what the system keeps for a connection: the service has to wait for each."""
    request = b"GET /v1/export/models.csv?deprecated=any HTTP/1.1\r\nHost: x\r\n\r\n" * 20
    before = memory(serving)
    slow = []
    for _ in range(100):
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        one.connect(("127.0.0.1", serving.port))
        one.sendall(request)
        slow.append(one)
    await others_are_answered(serving)
    assert memory(serving) - before < 100
    # One that is only slow gets its answers whole.
    reader, writer = await asyncio.open_connection(sock=slow.pop())
    answers = 0
    async with asyncio.timeout(120):
        while answers < 20:
            answers += (await reader.read(700)).count(b"HTTP/1.1 200")
            await asyncio.sleep(0.001)
    writer.close()
    begin = time.monotonic()
    assert await serving.stop() == 0, "a stop does not wait for them for ever"
    assert time.monotonic() - begin < 50
    for one in slow:
        one.close()


async def test_bodies_that_trickle_in(serving: Serving) -> None:
    """Told so at the deadline, and nothing of theirs is stored."""
    head = (
        f"POST /v1/pipeline/ingest HTTP/1.1\r\nHost: x\r\ncontent-length: 5000\r\n"
        f"content-type: application/json\r\nauthorization: {HEADERS['authorization']}\r\n\r\n"
    )

    async def trickle() -> bytes:
        reader, writer = await connect(serving)
        writer.write(head.encode() + b'{"providers": [')
        answer = asyncio.create_task(reader.readline())
        while not answer.done():
            writer.write(b" ")
            await asyncio.sleep(0.2)
        writer.close()
        return answer.result()

    tasks = [asyncio.create_task(trickle()) for _ in range(100)]
    await asyncio.sleep(0.5)
    await others_are_answered(serving)
    assert not any(task.done() for task in tasks), "they did not have to wait for these"
    async with asyncio.timeout(60):
        answers = await asyncio.gather(*tasks)
    assert {answer.split()[1] for answer in answers} == {b"400"}


async def test_half_open_connections(serving: Serving) -> None:
    """Clients that vanish, before or after they have asked, leave nothing behind."""
    head = (
        "POST /v1/pipeline/ingest HTTP/1.1\r\nHost: x\r\ncontent-length: 5000\r\n"
        f"content-type: application/json\r\nauthorization: {HEADERS['authorization']}\r\n\r\n"
    )
    for number in range(200):
        _, writer = await connect(serving)
        writer.write(b"GET /v1/models?pageSize=%d HTTP/1.1\r\nHost" % number)
        if number % 3 == 1:
            writer.write(b": x\r\n\r\n")
        elif number % 3 == 2:
            writer.write(b": x\r\n\r\n" + head.encode() + b'{"providers": [')
        await writer.drain()
        # Reset rather than closed: the service learns of it when it answers, or later.
        writer.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
        )
        writer.transport.abort()
    await others_are_answered(serving)
    assert await serving.stop() == 0
    log = serving.log.read_text()
    assert "Traceback" not in log
    assert "failed" not in log


@pytest.mark.parametrize("server", ["sqlite", "libsql", "postgres"], indirect=True)
async def test_sigterm_under_load(server: Server, tmp_path: Path) -> None:
    """What was acknowledged is there, requests under way are answered, the rest finds nobody."""
    async with copied(server, "empty") as engine:
        async with started(engine, tmp_path / "log") as serving, AsyncExitStack() as stack:
            pusher = Pusher(serving.url)
            stopping = asyncio.Event()
            cut: list[str] = []

            async def read() -> None:
                async with client() as http:
                    for number in range(100_000):
                        begun = not stopping.is_set()
                        try:
                            path = f"/v1/models?pageSize={number % 400 + 1}"
                            answer = await http.get(serving.url + path)
                            assert answer.status_code == 200, answer.text
                        except httpx.ConnectError:
                            return
                        except httpx.TransportError as error:
                            # A kept connection may be closed just as the next request is sent.
                            if begun and not stopping.is_set():
                                cut.append(repr(error))
                            return

            async def push() -> None:
                http = await stack.enter_async_context(client())
                for number in range(1_000):
                    if not await pusher.push(number, http):
                        return

            tasks = [asyncio.create_task(read()) for _ in range(8)]
            tasks.append(asyncio.create_task(push()))
            async with asyncio.timeout(60):
                while len(pusher.acknowledged) < 10:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            # One that is under way for certain: its body ends after the signal came.
            reader, writer = await connect(serving)
            body = as_json(numbered(5000))
            head = (
                "POST /v1/pipeline/ingest HTTP/1.1\r\nHost: x\r\ncontent-type: application/json\r\n"
                f"content-length: {len(body)}\r\nauthorization: {HEADERS['authorization']}\r\n"
                "expect: 100-continue\r\n\r\n"
            )
            writer.write(head.encode())
            async with asyncio.timeout(60):
                assert (await reader.readline()).startswith(b"HTTP/1.1 100"), "it waits for more"
                assert await reader.readline() == b"\r\n"
            writer.write(body[:20])
            await writer.drain()
            stopping.set()
            begin = time.monotonic()
            stopped = asyncio.create_task(serving.stop())
            await asyncio.sleep(0.3)
            writer.write(body[20:])
            async with asyncio.timeout(60):
                assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.close()
            assert await stopped == 0
            assert time.monotonic() - begin < STOP_SECONDS, "nobody had to be killed"
            await asyncio.gather(*tasks)
            assert cut == []
            assert pusher.refused == {}
            assert "Traceback" not in serving.log.read_text()
        async with writing(engine) as db:
            there = await whole(db)
            assert 5000 in there
            there.remove(5000)
            # The answer to the last one may have been lost on its way.
            assert set(pusher.acknowledged) <= there
            assert len(there - set(pusher.acknowledged)) <= 1


def memory(serving: Serving) -> int:
    """MiB that the service's processes hold."""
    assert serving.process
    total = 0
    children = Path(f"/proc/{serving.process.pid}/task/{serving.process.pid}/children").read_text()
    for id in (serving.process.pid, *children.split()):
        for line in Path(f"/proc/{id}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) // 1024
    return total
