"""Runs and batches: all or nothing, once, and what a run says of itself."""

from __future__ import annotations

import asyncio
import datetime

import pytest

from service.storage.database import Database
from tests.engines import Engine
from tests.pipeline.conftest import CATALOG, MODEL, Clock, Json, Writer, price, rows, writer_of

pytestmark = pytest.mark.anyio

NOTHING = {"created": 0, "updated": 0, "unchanged": 0, "locked": 0, "held": 0}


def counts(**values: int) -> Json:
    return NOTHING | values


async def open_run(api: Writer, source: str = "test") -> str:
    answer = await api.send("POST", "pipeline/runs", {"source": source}, status=201)
    id: str = answer["data"]["id"]
    return id


async def test_a_run_from_start_to_end(api: Writer, clock: Clock) -> None:
    response = await api.raw("POST", "pipeline/runs", {"source": "test"}, token="pipeline")
    run = response.json()["data"]
    assert (run["status"], run["source"], run["completedAt"]) == ("running", "test", None)
    assert response.headers["x-revision"] == "0"
    path = f"pipeline/runs/{run['id']}"

    response = await api.raw(
        "POST", f"{path}/batches", CATALOG | {"pricing": [price(inputPrice=1)]}
    )
    pushed = response.json()["data"]
    assert pushed["runId"] == run["id"]
    assert pushed["providers"] == pushed["models"] == pushed["pricing"] == counts(created=1)
    assert pushed["benchmarks"] == NOTHING
    assert response.headers["x-revision"] == str(pushed["revision"]) == "3"

    second = {"models": [MODEL | {"family": "a"}], "pricing": [price(inputPrice=1)]}
    pushed = (await api.send("POST", f"{path}/batches", second))["data"]
    assert (pushed["models"], pushed["pricing"]) == (counts(updated=1), counts(unchanged=1))
    found = await api.get(path)
    assert found["status"] == "running"
    assert (found["batches"], found["modelsUpdated"]) == (2, 1)
    assert found["counts"]["models"] == counts(created=1, updated=1)

    clock.now += datetime.timedelta(seconds=5)
    closed = (await api.send("POST", f"{path}/complete", {}))["data"]
    assert closed["status"] == "success"
    assert closed["completedAt"] == "2026-11-22T12:00:05.000Z"
    assert closed["modelsUpdated"] == 1
    assert closed["counts"]["pricing"] == counts(created=1, unchanged=1)
    assert (await api.send("POST", f"{path}/complete", {}))["data"] == closed
    await api.send("POST", f"{path}/complete", {"status": "failed"}, status=409)
    error = (await api.send("POST", f"{path}/batches", second, status=409))["error"]
    assert "was closed as success at 2026-11-22T12:00:05.000Z" in error["message"]
    for change in await api.get("changes"):
        assert change["runId"] == run["id"]
        assert change["actor"].startswith(("admin", "pipeline"))
    [listed] = await api.get("pipeline/runs")
    assert listed["counts"] == closed["counts"]
    assert await api.get("pipeline/runs?status=failed") == []


async def test_errors_of_a_run_have_a_limit(api: Writer) -> None:
    """A list of runs has all of them, and no engine takes any number."""
    run = (await api.send("POST", "pipeline/runs", {}, status=201))["data"]["id"]
    for length in (99_998, 5_000_000):
        end = {"status": "failed", "errors": ["x" * length]}
        error = (await api.send("POST", f"pipeline/runs/{run}/complete", end, status=413))["error"]
        assert error["message"].startswith(f"errors have {length + 4} bytes: 100000 are kept")
    end["errors"] = ["x" * 99_996]
    closed = await api.send("POST", f"pipeline/runs/{run}/complete", end)
    assert closed["data"]["errors"] == end["errors"]


async def test_no_such_run(api: Writer) -> None:
    for path in ("pipeline/runs/x/batches", "pipeline/runs/x/complete"):
        error = (await api.send("POST", path, {}, status=404))["error"]
        assert "there is no run x" in error["message"]
    await api.send("GET", "pipeline/runs/x", status=404)


async def test_a_run_in_one_call(api: Writer) -> None:
    response = await api.raw("POST", "pipeline/ingest?source=daily", CATALOG, token="pipeline")
    done = response.json()["data"]
    assert done["models"] == counts(created=1)
    run = await api.get(f"pipeline/runs/{done['runId']}")
    assert (run["status"], run["source"], run["modelsUpdated"]) == ("success", "daily", 1)
    again = await api.ingest(CATALOG)
    assert again["models"] == counts(unchanged=1)
    assert again["revision"] == done["revision"]


async def test_a_batch_is_all_or_nothing(api: Writer) -> None:
    run = await open_run(api)
    bad = CATALOG | {"pricing": [price(inputPrice=1), price() | {"modelId": "acme/two"}]}
    response = await api.send("POST", f"pipeline/runs/{run}/batches", bad, status=409)
    assert response["error"]["details"] == {
        "faults": [
            {
                "table": "pricing",
                "index": 1,
                "field": "modelId",
                "message": "there is no model acme/two, here or stored: send it first or along",
            }
        ],
        "total": 1,
    }
    assert await api.get("providers") == []
    found = await api.get(f"pipeline/runs/{run}")
    assert (found["status"], found["batches"]) == ("running", 0)
    [told] = found["errors"]
    assert told["code"] == "conflict"
    assert told["details"]["faults"][0]["index"] == 1


async def test_a_refused_run_in_one_call_is_a_failed_one(api: Writer) -> None:
    await api.ingest({"pricing": [price()]}, 409)
    [run] = await api.get("pipeline/runs")
    assert run["status"] == "failed"
    assert run["errors"][0]["code"] == "conflict"


async def test_a_key_answers_as_the_first_time(
    api: Writer, database: Engine, clock: Clock, stored: Database
) -> None:
    run = await open_run(api)
    path = f"pipeline/runs/{run}/batches"
    first = await api.raw("POST", path, CATALOG, idempotency_key="k1")
    await api.send("POST", path, {"models": [MODEL | {"name": "Uno"}]})
    again = await api.raw("POST", path, CATALOG, idempotency_key="k1")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["x-revision"] == first.headers["x-revision"]
    assert (await api.get("models/acme/one"))["name"] == "Uno"

    error = await api.send("POST", path, {"models": []}, status=409, idempotency_key="k1")
    assert error["error"]["message"] == (
        "Idempotency-Key 'k1' was used for another request: choose a new one"
    )
    other = await api.raw("POST", path, CATALOG, token="pipeline", idempotency_key="k1")
    assert other.content != first.content, "keys are each actor's own"
    await api.send("POST", f"pipeline/runs/{run}/complete", {})
    async with writer_of(database, clock) as restarted:
        restarted.admin = api.admin
        again = await restarted.raw("POST", path, CATALOG, idempotency_key="k1")
        assert again.content == first.content, "after a restart, and for a closed run"
    assert len(await rows(stored, "SELECT id FROM pipeline_batches")) == 3
    assert (await api.raw("POST", path, {}, idempotency_key="a b")).status_code == 400


async def test_a_key_for_opening_and_for_one_call(api: Writer) -> None:
    opened = await api.raw("POST", "pipeline/runs", {}, idempotency_key="a")
    id = opened.json()["data"]["id"]
    await api.send("POST", f"pipeline/runs/{id}/batches", CATALOG)
    await api.send("POST", f"pipeline/runs/{id}/complete", {})
    again = await api.raw("POST", "pipeline/runs", {}, idempotency_key="a")
    assert again.status_code == 201
    assert again.json()["data"] == opened.json()["data"]
    one, two = [await api.ingest(CATALOG, idempotency_key="b") for _ in range(2)]
    assert one == two
    assert len(await api.get("pipeline/runs")) == 2


async def test_a_key_that_arrives_many_times_at_once(api: Writer, stored: Database) -> None:
    answers = await asyncio.gather(*(api.ingest(CATALOG, idempotency_key="k") for _ in range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["models"] == counts(created=1)
    assert await rows(stored, "SELECT count(*) FROM pipeline_batches") == [(1,)]


async def test_a_key_after_a_refusal_can_be_used_again(api: Writer) -> None:
    await api.ingest({"pricing": [price()]}, 409, idempotency_key="k")
    done = await api.ingest(CATALOG, idempotency_key="k")
    assert done["models"] == counts(created=1)


async def test_two_pipelines_at_once(api: Writer, stored: Database) -> None:
    await api.ingest(CATALOG)
    days = [f"2025-{month:02d}-01" for month in range(1, 13)]

    async def pipeline(figure: int) -> None:
        run = await open_run(api)
        for day in days:
            body = {"pricing": [price(day, inputPrice=figure)]}
            await api.send("POST", f"pipeline/runs/{run}/batches", body)
        await api.send("POST", f"pipeline/runs/{run}/complete", {})

    await asyncio.gather(pipeline(1), pipeline(2))
    prices = await api.get("pricing?model=acme/one")
    assert [one["effectiveDate"] for one in reversed(prices)] == days
    revisions = [r for (r,) in await rows(stored, "SELECT revision FROM changes ORDER BY revision")]
    assert revisions == list(range(1, len(revisions) + 1))
    runs = await api.get("pipeline/runs?status=success")
    created = sum(run["counts"]["pricing"]["created"] for run in runs)
    assert created == 1 * len(days), "each price is made once"


async def test_a_run_of_a_dead_pipeline_is_closed(database: Engine, clock: Clock) -> None:
    async with writer_of(database, clock, run_timeout=600.0) as api:
        dead, alive = await open_run(api), await open_run(api)
        clock.now += datetime.timedelta(minutes=9)
        await api.send("POST", f"pipeline/runs/{alive}/batches", CATALOG)
        clock.now += datetime.timedelta(minutes=2)
        await open_run(api)
        found = await api.get(f"pipeline/runs/{dead}")
        assert found["status"] == "failed"
        assert found["errors"] == [{"code": "abandoned", "message": "nothing came for 600 s"}]
        assert found["completedAt"] == "2026-11-22T12:11:00.000Z"
        assert (await api.get(f"pipeline/runs/{alive}"))["status"] == "running"
