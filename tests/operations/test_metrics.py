"""Figures: exact, in a format that Prometheus reads, and the same whichever process is asked."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from service.metrics import SECONDS, Registry, observe
from service.storage.database import Statement
from service.storage.measured import Calls, Measured
from service.storage.slow import Slow
from tests.databases import copied, reading
from tests.engines import HTTP, Server
from tests.http.client import make_app, running
from tests.http.conftest import serving
from tests.operations.serving import served

pytestmark = pytest.mark.anyio

MODEL = "/v1/models/anthropic/claude-sonnet-4-5"
Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


def families(text: str) -> dict[str, Metric]:
    return {one.name: one for one in text_string_to_metric_families(text)}


def figures(text: str) -> Figures:
    """Every sample by its name and labels; fails on text that Prometheus would not read."""
    found: Figures = {}
    for family in text_string_to_metric_families(text):
        assert family.type != "unknown", f"{family.name} has no type"
        assert family.documentation, f"{family.name} has no help"
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, f"{key} is there twice"
            found[key] = sample.value
    return found


def value(found: Figures, name: str, **labels: str) -> float:
    return found.get((name, frozenset(labels.items())), 0)


def test_text_is_what_prometheus_reads() -> None:
    registry = Registry()
    odd = 'a "quote", a \\ and a\nnew line'
    registry.counter("odd_total", odd, "label").add(odd, by=3)
    registry.gauge("part", "Half.").set(0.5)
    registry.gauge("large", "Large.").set(1e12)
    registry.gauge("never_set", "Nothing.", "label")
    times = registry.histogram("took_seconds", "Times.", "what").of("x")
    for seconds in (0.00005, 0.0001, 0.3, 100.0):
        observe(times, seconds)
    text = registry.text()
    found = figures(text)
    assert families(text)["odd"].documentation == odd
    assert value(found, "odd_total", label=odd) == 3
    assert value(found, "part") == 0.5
    assert value(found, "large") == 1e12
    assert "never_set" not in text
    counts = {
        dict(labels)["le"]: number
        for (name, labels), number in found.items()
        if name == "took_seconds_bucket"
    }
    assert len(counts) == len(SECONDS) + 1
    # A time on a bound is within it.
    assert (counts["0.0001"], counts["0.25"], counts["0.5"], counts["+Inf"]) == (2, 2, 3, 4)
    assert value(found, "took_seconds_count", what="x") == 4
    assert value(found, "took_seconds_sum", what="x") == pytest.approx(100.30015)


def test_processes_speak_for_each_other(tmp_path: Path) -> None:
    one, other = Registry(str(tmp_path)), Registry(str(tmp_path))
    for registry, number in ((one, 1), (other, 2)):
        registry.counter("seen_total", "Seen.", "who").add("all", by=number)
        observe(registry.histogram("took_seconds", "Took.").of(), number)
        registry.gauge("held", "Held.", across="sum").set(number)
        registry.gauge("started", "Started.", across="min").set(number)
        registry.gauge("revision", "Revision.").set(number)
    # As a process would that lives: the parent of all.
    other.share()
    mine = next(tmp_path.iterdir())
    mine.rename(tmp_path / "1")
    found = figures(one.text())
    assert value(found, "seen_total", who="all") == 3
    assert value(found, "took_seconds_sum") == 3
    assert value(found, "took_seconds_count") == 2
    assert (value(found, "held"), value(found, "started"), value(found, "revision")) == (3, 1, 1)
    # One that has died has counted what it has counted, and holds nothing any more.
    (tmp_path / "1").rename(tmp_path / "99999999")
    found = figures(one.text())
    assert value(found, "seen_total", who="all") == 3
    assert value(found, "held") == 1
    (tmp_path / "99999999").write_bytes(b"cut short")
    assert value(figures(one.text()), "seen_total", who="all") == 1


async def shown(client: httpx.AsyncClient) -> Figures:
    return figures((await client.get("/metrics")).text)


async def test_requests_by_operation_and_status(client: httpx.AsyncClient) -> None:
    """A hit counts as what the framework answers; no path that anyone makes up is a label."""
    tag = (await client.get(MODEL)).headers["etag"]
    states = [(await client.get(MODEL)).headers["x-cache"] for _ in range(3)]
    assert states == ["hit"] * 3
    assert (await client.get(MODEL, headers={"if-none-match": tag})).status_code == 304
    assert (await client.head(MODEL)).status_code == 200
    for number in range(50):
        assert (await client.get(f"/nope/{number}")).status_code == 404
        assert (await client.get(f"/v1/models/no/{number}")).status_code == 404
    await client.post("/v1/pipeline/runs", json={})
    await client.get("/docs")
    found = await shown(client)
    expected = {
        ("getModel", "200"): 5,
        ("getModel", "304"): 1,
        ("getModel", "404"): 50,
        ("none", "404"): 50,
        ("openRun", "401"): 1,
        ("docs", "200"): 1,
    }
    for (route, status), number in expected.items():
        assert value(found, "aicompare_requests_total", route=route, status=status) == number
    assert value(found, "aicompare_request_seconds_count", route="getModel") == 56
    assert value(found, "aicompare_cache_answers_total", state="hit") == 5
    labels = {key for key in found if key[0] == "aicompare_requests_total"}
    assert len(labels) == len(expected)


async def test_a_process_tells_of_itself(client: httpx.AsyncClient) -> None:
    found = await shown(client)
    assert 10e6 < value(found, "process_resident_memory_bytes") < 4e9
    assert value(found, "process_cpu_seconds_total") > 0
    assert value(found, "process_open_fds") > 3
    assert abs(value(found, "process_start_time_seconds") - time.time()) < 86_400
    assert value(found, "aicompare_processes") == 1


async def test_every_engine_tells_of_itself(server: Server) -> None:
    async with copied(server, "seeded") as engine:
        server.settle(engine)
        async with serving(engine) as client:
            status = (await client.get("/v1/status")).json()["data"]
            found = await shown(client)
    assert value(found, "aicompare_database_up", database="reader") == 1
    assert value(found, "aicompare_revision") == status["revision"]
    for table, rows in status["counts"].items():
        assert value(found, "aicompare_rows", table=table) == rows > 0
    for name in ("held_prices", "locks", "webhooks", "webhook_deliveries_pending"):
        assert (f"aicompare_{name}", frozenset()) in found
    assert value(found, "aicompare_runs", status="running") > 0
    assert value(found, "aicompare_replication_lag_revisions") == 0
    assert value(found, "aicompare_last_change_timestamp_seconds") > 1.7e9
    labels = {"database": "reader", "engine": status["engine"], "statement": "status.counts"}
    assert value(found, "aicompare_database_call_seconds_count", **labels) == 1
    assert 0 < value(found, "aicompare_database_call_seconds_sum", **labels) < 30
    assert value(found, "aicompare_database_calls_under_way", database="reader") >= 0
    assert value(found, "aicompare_database_pool_size", database="reader") == 4


async def test_a_database_that_is_away_is_a_figure(tmp_path: Path) -> None:
    async with running(make_app(f"file:{tmp_path / 'none.db'}")) as client:
        assert (await client.get("/v1/models")).status_code == 503
        found = await shown(client)
    assert found[("aicompare_database_up", frozenset({("database", "reader")}))] == 0
    errors = {
        dict(labels)["code"]: number
        for (name, labels), number in found.items()
        if name == "aicompare_database_errors_total"
    }
    assert errors["unavailable"] >= 1


async def test_what_is_under_way_is_told_meanwhile(server: Server) -> None:
    registry = Registry()
    async with copied(server, "empty") as engine:
        server.settle(engine)
        async with reading(engine) as database:
            measured = Measured(database, Calls(registry), "reader", Slow(60))
            under_way = registry.gauge("aicompare_database_calls_under_way", "").of("reader")
            work: Any = measured.fetch(Statement("one", "SELECT 1"))
            assert await work == [[(1,)]]
            assert under_way == [0]


def test_several_workers_answer_as_one(url: str, tmp_path: Path) -> None:
    with served(tmp_path / "log", "--workers", "2", DATABASE_URL=url) as address:
        for _ in range(60):  # each on a connection of its own, so that both have some
            assert HTTP.get(f"{address}/v1/status").status_code == 200

        def agreed() -> bool:
            found = [figures(HTTP.get(f"{address}/metrics").text) for _ in range(8)]
            return all(
                value(one, "aicompare_processes") == 2
                and value(one, "aicompare_requests_total", route="getStatus", status="200") == 60
                for one in found
            )

        deadline = time.monotonic() + 60  # they tell each other every second
        while not agreed():
            assert time.monotonic() < deadline
            time.sleep(0.1)
