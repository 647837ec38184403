"""100 readers at once who ask as a frontend does; what a start takes, and what memory is needed.

The mix: list pages 40 %, one model 40 %, comparisons 10 %, searches as they are typed 10 %, each
skewed to what is popular. wrk asks for the next thing as soon as it has an answer, so that latency
is mostly the wait for 99 others.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import random
import shutil
import statistics
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import apsw
import msgspec
import pytest

from bench import dataset, workload
from bench.conftest import Figures
from bench.serving import ask, memory, metric, service
from bench.test_front import needs_wrk
from service.application import tokens
from service.application.turnover import turn_over
from service.domain.queries import Query
from service.storage.database import DatabaseOptions
from service.storage.opening import open_database

CONNECTIONS, SECONDS = 100, 15
ASKED = 50_000
CACHE_BYTES = 67_108_864
SCRIPT = Path(__file__).with_name("frontend.lua")
# The cache is filled first.
WARM_SECONDS = 15
# Rows of a batch, and seconds between two. Each retires all lists, comparisons and searches.
BATCH, PAUSE = 2_000, 3.0


def _path(path: str, query: Query) -> str:
    """A question as a frontend writes it."""
    given = {}
    for field in msgspec.structs.fields(query):
        value = getattr(query, field.name)
        if value != field.default:
            if isinstance(value, bool):
                value = str(value).lower()
            given[field.encode_name] = ",".join(value) if isinstance(value, tuple) else str(value)
    return f"{path}?{urlencode(given)}" if given else path


def frontend(names: workload.Names, seed: int = 1) -> Iterator[str]:
    """Paths without end."""
    rng = random.Random(seed)
    lists = [_path("/v1/models", q) for q in islice(workload.lists(names, rng), 400)]
    compared = [_path("/v1/compare", q) for q in islice(workload.comparisons(names, rng), 200)]
    typed = [_path("/v1/search", q) for q in islice(workload.searches(rng), 200)]
    popular = names.models[:3000]
    while True:
        [kind] = rng.choices(("list", "model", "compare", "search"), (40, 40, 10, 10))
        if kind == "model":
            yield f"/v1/models/{quote(workload.skewed(rng, popular), safe='/:@')}"
        else:
            yield workload.skewed(rng, {"list": lists, "compare": compared}.get(kind, typed))


@pytest.fixture(scope="module")
def names() -> workload.Names:
    return workload.Names(dataset.path(1))


@pytest.fixture(scope="module")
def asked(names: workload.Names, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("load") / "paths"
    file.write_text("\n".join(islice(frontend(names), ASKED)) + "\n")
    return file


@pytest.fixture
def catalogue(tmp_path: Path) -> tuple[str, str]:
    """The URL of a copy that may be written to, and a token for it."""
    file = tmp_path / "catalogue.db"
    with closing(apsw.Connection(str(dataset.path(1)))) as source:
        source.execute("VACUUM INTO ?", (str(file),))
    return f"file:{file}", asyncio.run(_prepare(f"file:{file}"))


async def _prepare(url: str) -> str:
    database = open_database(url, DatabaseOptions(read_only=False))
    try:
        now = datetime.datetime.now(datetime.UTC)
        await turn_over(database, now)  # as a service that runs does every night
        return str(await tokens.create(database, "bench", "pipeline", now))
    finally:
        await database.close()


def _wrk(address: str, asked: Path, seconds: int) -> dict[str, float]:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(SCRIPT)]
    command += ["-H", "Accept-Encoding: gzip", address]
    printed = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"BENCH_PATHS": asked}
    ).stdout
    found: dict[str, float] = json.loads(printed.splitlines()[-1])
    return found


@contextmanager
def _ingesting(address: str, token: str, models: list[str]) -> Iterator[list[int]]:
    """Batches of prices that differ from the stored ones, one after the other, meanwhile."""
    stop, sent = threading.Event(), []
    failed: list[BaseException] = []

    def push() -> None:
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        number = 0
        try:
            while not stop.wait(PAUSE):
                number += 1
                rows: list[dict[str, Any]] = [
                    {
                        "modelId": models[(number * BATCH + i) % len(models)],
                        "effectiveDate": today,
                        "inputPrice": 1 + number / 1000,
                        "outputPrice": 2,
                        "state": "paid",
                    }
                    for i in range(BATCH)
                ]
                request = urllib.request.Request(
                    f"{address}/v1/pipeline/ingest",
                    msgspec.json.encode({"pricing": rows}),
                    {"authorization": f"Bearer {token}", "content-type": "application/json"},
                )
                with urllib.request.urlopen(request, timeout=60) as response:
                    assert response.status == 200
                sent.append(BATCH)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=push)
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join()
    if failed:
        raise failed[0]


@needs_wrk
@pytest.mark.parametrize("how", ["", "pool of 2", "during ingest"])
def test_readers(
    how: str, catalogue: tuple[str, str], asked: Path, names: workload.Names, figures: Figures
) -> None:
    url, token = catalogue
    settings = {"database_url": url, "held_price_factor": "0"}
    if how == "pool of 2":
        settings["database_pool_size"] = "2"
    with service(**settings) as (address, _):
        _wrk(address, asked, WARM_SECONDS)
        before = _answers(address)
        if how == "during ingest":
            with _ingesting(address, token, names.models) as sent:
                found = _wrk(address, asked, SECONDS)
            figures.add("rows ingested meanwhile", sum(sent) / found["seconds"], "rows/s")
        else:
            found = _wrk(address, asked, SECONDS)
        after = _answers(address)
    hits, others = (now - then for now, then in zip(after, before, strict=True))
    place = f"{CONNECTIONS} readers" + (f", {how}" if how else "")
    figures.add(f"{place}: errors", found["errors"], "", most=0)
    figures.add(f"{place}: hit rate", 100 * hits / (hits + others), "%", least=95)
    figures.add(f"{place}: p50", found["p50"], "ms")
    figures.add(f"{place}: p99", found["p99"], "ms", most=25)
    figures.add(f"{place}: requests", found["requests"] / found["seconds"], "req/s")
    assert found["errors"] == 0
    assert hits / (hits + others) >= 0.8


def _answers(address: str) -> tuple[float, float]:
    """Hits, and answers that were not, so far."""
    name = "aicompare_cache_answers_total"
    hits, misses, stale = (
        metric(address, f'{name}{{state="{state}"}}') for state in ("hit", "miss", "stale")
    )
    return hits, misses + stale


def test_start_and_memory(catalogue: tuple[str, str], figures: Figures) -> None:
    """From exec to the first answer, and the memory of all processes of an instance."""
    url, _ = catalogue
    starts = []
    for _ in range(5):
        begin = time.perf_counter()
        with service(database_url=url) as (address, process):
            ask(address)
            starts.append(time.perf_counter() - begin)
            idle = memory(process)
    figures.add("from exec to the first answer", statistics.median(starts), "s", most=1)
    figures.add("memory at idle", idle, "MiB", most=120)
    with service(database_url=url) as (address, process):
        # Pages of all sizes until the cache has made room for some.
        for size in range(500, 50, -1):
            ask(address, f"/v1/models?pageSize={size}&page={1 + size % 12}")
            if size % 20 == 0 and metric(address, "aicompare_cache_evictions_total"):
                break
        kept = metric(address, "aicompare_cache_bytes")
        full = memory(process)
    figures.add("bytes kept in a full cache", kept / 2**20, "MiB", most=CACHE_BYTES / 2**20)
    bound = 120 + CACHE_BYTES / 2**20
    figures.add("memory with a full cache", full, "MiB", most=bound)


def test_wrk_is_there() -> None:
    """Say so where the load could not be made."""
    if shutil.which("wrk") is None:
        pytest.skip("wrk is not installed: `apt-get install wrk`")
