"""Ingest over HTTP beside raw `executemany` into the same schema, and readers meanwhile."""

from __future__ import annotations

import asyncio
import datetime
import json
import statistics
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import apsw
import httpx
import msgspec
import pytest

from bench.conftest import Figures, percentile
from bench.serving import memory, service
from service.app import create_app
from service.application import tokens
from service.settings import Settings
from service.storage import migrate
from service.storage.database import DatabaseOptions
from service.storage.opening import open_database
from tests.http.client import running

MODELS = 5_000
# Models beyond these, which no batch touches.
IDLE_MODELS = 200
TURNS = 3
ROWS = 50_000
BATCH = 10_000
DAYS = [datetime.date(2025, 1 + i, 1) for i in range(ROWS // MODELS)]
NOW = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
# Prices of a batch, batches until SQLite's page caches are full, and batches in which memory must
# not grow by more MiB. The pages that a batch touches grow with the log: the peak of a batch does,
# and with it what the allocator keeps; its median of some batches moves by ten in itself.
NEWS, WARM, BATCHES, SOME, GROWTH = 2_000, 100, 100, 20, 32
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
            [(f"p/m{i}", f"m{i}", f"M {i}") for i in range(MODELS + IDLE_MODELS)],
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


def _bodies(turn: int = 0) -> list[bytes]:
    """Batches, of other prices in each turn."""
    rows = [
        {
            "modelId": f"p/m{i}",
            "effectiveDate": day,
            "inputPrice": round(1 + i / 1e6, 6),
            "outputPrice": 2 + turn,
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


def test_ingest_beside_executemany(tmp_path: Path, figures: Figures) -> None:
    raw_path, http_path = tmp_path / "raw.db", tmp_path / "http.db"
    asyncio.run(_schema(f"file:{raw_path}"))
    token = asyncio.run(_schema(f"file:{http_path}"))
    raw = _raw(raw_path)
    http = asyncio.run(_over_http(f"file:{http_path}", token, _bodies()))
    ratio = raw / http
    figures.add("rows by executemany", ROWS / raw, "rows/s")
    figures.add("rows over HTTP, validated", ROWS / http, "rows/s")
    figures.add("over HTTP / executemany", ratio, "", least=LEAST)
    assert ratio >= LEAST


def test_memory_does_not_grow_with_batches(tmp_path: Path, figures: Figures) -> None:
    """A server process, to which each batch is news."""
    url = f"file:{tmp_path / 'a.db'}"
    token = asyncio.run(_schema(url))
    found = []
    with (
        service(database_url=url) as (address, process),
        httpx.Client(base_url=address, trust_env=False, timeout=60) as client,
    ):
        client.headers["authorization"] = f"Bearer {token}"
        for number in range(WARM + BATCHES):
            rows = [
                {
                    "modelId": f"p/m{i}",
                    "effectiveDate": DAYS[0],
                    "inputPrice": round(1 + number / 100, 2),
                }
                for i in range(NEWS)
            ]
            body = msgspec.json.encode({"pricing": rows})
            done = client.post("/v1/pipeline/ingest", content=body).json()["data"]["pricing"]
            assert done["created" if number == 0 else "updated"] == NEWS
            found.append(memory(process))
    early, late = (statistics.median(part) for part in (found[WARM : WARM + SOME], found[-SOME:]))
    figures.add(f"memory after {WARM} batches of {NEWS:,} changed prices", early, "MiB")
    figures.add(f"what {BATCHES} more batches add to it", late - early, "MiB", most=GROWTH)
    assert late - early < GROWTH


@pytest.mark.parametrize("kind", ["cached", "uncached"])
def test_readers_meanwhile(tmp_path: Path, figures: Figures, kind: str) -> None:
    """One reader, in a process of its own, while nothing, this or another service takes a batch.

    Another service, on a database of its own, costs the machine the same: what reads take longer
    then is the machine's part, and the rest this service's.
    """
    urls = [f"file:{tmp_path / name}.db" for name in ("this", "other")]
    made = [asyncio.run(_schema(url)) for url in urls]
    # Of the models that no batch touches.
    paths = [f"/v1/models/p/m{number}" for number in range(MODELS, MODELS + IDLE_MODELS)]
    asked = paths[:1] if kind == "cached" else [f"{path}?fields=id,name" for path in paths]
    settings = {"cache_entries": "0"} if kind == "uncached" else {}
    found: dict[str, list[float]] = {"idle": [], "this": [], "other": []}
    with ExitStack() as stack:
        addresses = [
            stack.enter_context(service(database_url=url, held_price_factor="0", **settings))[0]
            for url in urls
        ]
        pushing = dict(zip(("this", "other"), zip(addresses, made, strict=True), strict=True))
        for turn in range(TURNS):
            bodies = _bodies(turn)[:2]
            for what in found:
                reader = subprocess.Popen(
                    [sys.executable, "-m", "bench.reader", urlsplit(addresses[0]).netloc, *asked],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
                assert reader.stdout
                reader.stdout.readline()
                if what == "idle":
                    time.sleep(2)
                else:
                    _push(*pushing[what], bodies)
                times = json.loads(reader.communicate()[0])
                found[what].append(percentile(times, 0.95) / 1000)
    idle, this, other = (statistics.median(found[what]) for what in found)
    for what, value in (("idle", idle), ("during ingest", this), ("during another's", other)):
        figures.add(f"{kind} read, {what}: p95", value, "ms")
    figures.add(f"{kind} read, during ingest / idle", this / idle, "times", most=2)
    figures.add(f"{kind} read, during another's / idle", other / idle, "times")


def _push(address: str, token: str, bodies: list[bytes]) -> None:
    for body in bodies:
        request = urllib.request.Request(
            f"{address}/v1/pipeline/ingest",
            body,
            {"authorization": f"Bearer {token}", "content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            assert response.status == 200
