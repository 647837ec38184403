"""Ingest over HTTP beside raw `executemany` into the same schema, and readers meanwhile."""

from __future__ import annotations

import asyncio
import datetime
import resource
import time
from pathlib import Path

import apsw
import httpx
import msgspec
import pytest

from service.app import create_app
from service.application import tokens
from service.settings import Settings
from service.storage import migrate
from service.storage.database import DatabaseOptions, open_database
from tests.http.client import running

MODELS = 5_000
ROWS = 50_000
BATCH = 10_000
DAYS = [datetime.date(2025, 1 + i, 1) for i in range(ROWS // MODELS)]
NOW = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
# What ingest over HTTP must reach of the rate of raw inserts.
LEAST = 0.25


async def _schema(url: str) -> str:
    """Make the database with its models; a token for it."""
    database = open_database(url, DatabaseOptions(read_only=False, create=True, deadline=60))
    await migrate.up(database, migrate.load(migrate.folder(database.engine)))
    token = await tokens.create(database, "bench", "pipeline", NOW)
    await database.close()
    with apsw.Connection(url.removeprefix("file:")) as connection:
        connection.execute("INSERT INTO providers (id, name) VALUES ('p', 'P')")
        connection.executemany(
            "INSERT INTO models (id, provider_id, model_id, name) VALUES (?, 'p', ?, ?)",
            [(f"p/m{i}", f"m{i}", f"M {i}") for i in range(MODELS)],
        )
    return str(token)


def _raw(path: Path) -> float:
    """Seconds of `executemany` in one transaction, with the settings that the service writes by."""
    rows = [
        (f"p/m{i}", 1_000_000_000 + i * 1000, 2_000_000_000, day.isoformat())
        for day in DAYS
        for i in range(MODELS)
    ]
    connection = apsw.Connection(str(path))
    for pragma in ("foreign_keys = ON", "synchronous = FULL", "cache_size = -32768"):
        connection.execute(f"PRAGMA {pragma}")
    begin = time.perf_counter()
    with connection:
        connection.executemany(
            """
            INSERT INTO pricing
                (model_id, input_price_per_million, output_price_per_million, effective_date)
            VALUES (?, ?, ?, ?)
            """,
            rows,
        )
    seconds = time.perf_counter() - begin
    connection.close()
    return seconds


def _bodies() -> list[bytes]:
    rows = [
        {
            "modelId": f"p/m{i}",
            "effectiveDate": day,
            "inputPrice": round(1 + i / 1e6, 6),
            "outputPrice": 2,
        }
        for day in DAYS
        for i in range(MODELS)
    ]
    return [
        msgspec.json.encode({"pricing": rows[start : start + BATCH]})
        for start in range(0, ROWS, BATCH)
    ]


async def _over_http(url: str, token: str, bodies: list[bytes]) -> float:
    app = create_app(Settings(database_url=url), clock=lambda: NOW)
    headers = {"authorization": f"Bearer {token}"}
    async with running(app) as client:
        client.timeout = httpx.Timeout(60)
        opened = await client.post("/v1/pipeline/runs", json={}, headers=headers)
        run = f"/v1/pipeline/runs/{opened.json()['data']['id']}"
        begin = time.perf_counter()
        for body in bodies:
            response = await client.post(f"{run}/batches", content=body, headers=headers)
            assert response.json()["data"]["pricing"]["created"] == BATCH, response.text[:500]
        seconds = time.perf_counter() - begin
        done = await client.post(f"{run}/complete", json={}, headers=headers)
        assert done.json()["data"]["modelsUpdated"] == MODELS
    return seconds


def test_ingest_beside_executemany(tmp_path: Path) -> None:
    raw_path, http_path = tmp_path / "raw.db", tmp_path / "http.db"
    asyncio.run(_schema(f"file:{raw_path}"))
    token = asyncio.run(_schema(f"file:{http_path}"))
    raw = _raw(raw_path)
    http = asyncio.run(_over_http(f"file:{http_path}", token, _bodies()))
    ratio = raw / http
    print(
        f"\n{ROWS:,} prices: executemany {ROWS / raw:,.0f} rows/s, "
        f"over HTTP {ROWS / http:,.0f} rows/s, {ratio:.2f} of it (at least {LEAST})"
    )
    assert ratio >= LEAST


def test_memory_does_not_grow_with_batches(tmp_path: Path) -> None:
    url = f"file:{tmp_path / 'a.db'}"
    token = asyncio.run(_schema(url))
    bodies = _bodies()

    async def peaks() -> list[int]:
        app = create_app(Settings(database_url=url), clock=lambda: NOW)
        headers = {"authorization": f"Bearer {token}"}
        found = []
        async with running(app) as client:
            client.timeout = httpx.Timeout(60)
            for body in (bodies[0], *[bodies[0]] * 12):
                await client.post("/v1/pipeline/ingest", content=body, headers=headers)
                found.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        return found

    found = asyncio.run(peaks())
    print(f"\npeak memory by batch of {BATCH:,}, MiB: {found}")
    assert found[-1] - found[3] < 20


@pytest.mark.parametrize("kind", ["cached", "uncached"])
def test_readers_meanwhile(tmp_path: Path, kind: str) -> None:
    url = f"file:{tmp_path / 'a.db'}"
    token = asyncio.run(_schema(url))
    bodies = _bodies()

    async def read(client: httpx.AsyncClient, until: asyncio.Event) -> list[float]:
        times: list[float] = []
        number = 0
        while not until.is_set():
            number += 1
            path = "/v1/providers" if kind == "cached" else f"/v1/models/p/m{number % MODELS}"
            begin = time.perf_counter()
            response = await client.get(path)
            times.append(time.perf_counter() - begin)
            assert response.status_code == 200
            await asyncio.sleep(0.002)
        return times

    async def measure() -> tuple[float, float]:
        app = create_app(Settings(database_url=url), clock=lambda: NOW)
        headers = {"authorization": f"Bearer {token}"}
        async with running(app) as client:
            client.timeout = httpx.Timeout(60)
            await client.get("/v1/providers")
            idle, busy = asyncio.Event(), asyncio.Event()
            asyncio.get_running_loop().call_later(2, idle.set)
            before = await read(client, idle)
            reading = asyncio.create_task(read(client, busy))
            for body in bodies:
                await client.post("/v1/pipeline/ingest", content=body, headers=headers)
            busy.set()
            during = await reading
        return _p95(before), _p95(during)

    idle, during = asyncio.run(measure())
    print(f"\np95 of a {kind} read: idle {idle * 1e3:.2f} ms, during ingest {during * 1e3:.2f} ms")


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]
