"""Reads at a real replica, beside a real primary, either of which may go away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from service.app import create_app
from service.settings import Settings
from service.storage.database import Statement
from service.storage.writing import Author, write
from tests.databases import copied, writing
from tests.engines import Engine, LibsqlServer, Server
from tests.http.client import NOON, make_app, running

pytestmark = pytest.mark.anyio

MODEL = "/v1/models?ids=anthropic/claude-sonnet-4-5"


@pytest.fixture(scope="module")
def libsql(servers: Callable[[str], Server]) -> LibsqlServer:
    server = servers("libsql-replica")
    assert isinstance(server, LibsqlServer)
    return server


@pytest.fixture
async def engine(libsql: LibsqlServer) -> AsyncIterator[Engine]:
    async with copied(libsql, "seeded") as engine:
        libsql.settle(engine)
        yield engine


def region(engine: Engine, **settings: Any) -> Any:
    """A service that reads at the replica and knows the primary."""
    return create_app(
        Settings(
            database_url=engine.reader_url,
            database_token=engine.reader_token,
            primary_database_url=engine.writer_url,
            primary_database_token=engine.writer_token,
            **({"database_deadline": 10.0, "watch_interval": 0.05} | settings),
        ),
        clock=lambda: NOON,
    )


async def rename(engine: Engine, name: str) -> int:
    """Write at the primary; the revision of the write."""
    async with writing(engine) as database:
        revision, _ = await write(
            database,
            Author("test", NOON),
            Statement(
                "rename",
                "UPDATE models SET name = :name WHERE id = 'anthropic/claude-sonnet-4-5'",
                {"name": name},
            ),
        )
    return revision


async def test_whoever_wrote_reads_it_at_the_replica(engine: Engine) -> None:
    async with running(region(engine)) as client:
        for turn in range(20):
            revision = await rename(engine, f"Turn {turn}")
            response = await client.get(MODEL, headers={"min-revision": str(revision)})
            assert f"Turn {turn}" in response.text
            assert int(response.headers["x-revision"]) >= revision


async def test_a_revision_that_is_not_there_is_unavailable_in_time(engine: Engine) -> None:
    async with running(region(engine, min_revision_wait=0.2)) as client:
        begin = time.monotonic()
        response = await client.get(MODEL, headers={"min-revision": "999999999"})
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        assert 0.15 < time.monotonic() - begin < 8
        wrong = await client.get(MODEL, headers={"min-revision": "new"})
        assert wrong.status_code == 400
        assert "X-Revision" in wrong.json()["error"]["message"]


async def test_a_write_at_the_primary_is_seen_within_a_second(engine: Engine) -> None:
    async with running(region(engine)) as client:
        await client.get(MODEL)
        for turn in range(5):
            await rename(engine, f"Seen {turn}")
            begin = time.monotonic()
            while f"Seen {turn}" not in (await client.get(MODEL)).text:
                assert time.monotonic() - begin < 60
                await asyncio.sleep(0.01)
            if time.monotonic() - begin < 1:
                return
        pytest.fail("in none of five turns: no hiccup of the machine")


async def test_the_replica_goes_and_comes_back(engine: Engine, libsql: LibsqlServer) -> None:
    async with running(region(engine)) as client:
        assert (await client.get(MODEL)).headers["x-cache"] == "miss"
        libsql.replica(engine).kill()
        assert (await client.get(MODEL)).headers["x-cache"] == "hit"
        answers = [await client.get(f"/v1/models?pageSize={size}") for size in range(1, 9)]
        assert {answer.status_code for answer in answers} == {200}, "the primary steps in"
        libsql.replica(engine).start()
        await until_ready(client)
        status = (await client.get("/v1/status")).json()["data"]
        assert status["role"] == "replica"
        assert status["replicationLag"] == 0
        assert status["replicationLagSeconds"] == 0


async def test_the_primary_goes_and_reads_go_on(engine: Engine, libsql: LibsqlServer) -> None:
    async with running(region(engine)) as client:
        await client.get("/v1/providers")
        libsql.primary(engine).kill()
        for size in range(1, 9):
            assert (await client.get(f"/v1/models?pageSize={size}")).status_code == 200
        status = (await client.get("/v1/status")).json()["data"]
        assert status["replicationLag"] is None


async def test_with_both_gone_it_fails_fast_and_recovers(
    engine: Engine, libsql: LibsqlServer
) -> None:
    async with running(region(engine)) as client:
        assert (await client.get(MODEL)).status_code == 200
        libsql.replica(engine).kill()
        libsql.primary(engine).kill()
        assert (await client.get(MODEL)).status_code == 200, "what is kept goes on"
        codes, slowest = [], 0.0
        for size in range(1, 20):
            begin = time.monotonic()
            response = await client.get(f"/v1/models?pageSize={size}")
            codes.append(response.status_code)
            if size > 6:
                slowest = max(slowest, time.monotonic() - begin)
        assert set(codes) == {503}
        assert int(response.headers["retry-after"]) >= 1
        assert response.json()["error"]["code"] == "unavailable"
        assert slowest < 5, "a dead database is not waited for again and again"
        assert (await client.get("/health/ready")).status_code == 503
        assert (await client.get("/health/live")).status_code == 200
        libsql.primary(engine).start()
        libsql.replica(engine).start()
        await until_ready(client)
        assert (await client.get("/v1/models?pageSize=19")).status_code == 200


async def until_ready(client: httpx.AsyncClient) -> None:
    """Wait until the service says so itself."""
    for _ in range(1200):
        if (await client.get("/health/ready")).status_code == 200:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("never ready again")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("settings", "status", "header", "value"),
    [
        ({"fly_app": "aicompare"}, 307, "fly-replay", "region=ams"),
        (
            {"primary_url": "https://ams.example/"},
            307,
            "location",
            "https://ams.example/v1/pipeline/ingest?a=b%20c",
        ),
        ({}, 421, "content-type", "application/json"),
    ],
)
async def test_a_write_that_cannot_be_taken_is_sent_on(
    engine: Engine, method: str, settings: dict[str, str], status: int, header: str, value: str
) -> None:
    app = make_app(engine.reader_url, primary_region="ams", **settings)
    async with running(app) as client:
        response = await client.request(method, "/v1/pipeline/ingest?a=b%20c", content=b"{}")
        assert (response.status_code, response.headers[header]) == (status, value)
        assert response.headers["cache-control"] == "no-store"
        assert "x-request-id" in response.headers
        if status == 421:
            assert response.json()["error"]["code"] == "misdirected"
            assert "ams" in response.json()["error"]["message"]
