"""Prices that jump are kept apart until a person has looked at them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engines import Engine
from tests.pipeline.conftest import CATALOG, Clock, Json, Writer, price, writer_of

pytestmark = pytest.mark.anyio

TODAY = "2026-11-22"


def seen(day: str = TODAY, **values: Any) -> Json:
    return {"modelId": "acme/one", "observedOn": day, **values}


@pytest.fixture
async def priced(api: Writer) -> Writer:
    await api.ingest(
        CATALOG | {"pricing": [price(inputPrice=2, outputPrice=4, sourceUrl="https://a.example")]}
    )
    return api


async def current(api: Writer) -> tuple[Any, Any]:
    pricing = (await api.get("models/acme/one"))["pricing"]
    return pricing["inputPrice"], pricing["outputPrice"]


@pytest.mark.parametrize(
    ("proposed", "is_held"),
    [
        (seen(inputPrice=20, outputPrice=40), False),
        (seen(inputPrice=20.000000001, outputPrice=4), True),
        (seen(inputPrice=2, outputPrice=0.4), False),
        (seen(inputPrice=2, outputPrice=0.399999999), True),
        (seen(inputPrice=0, outputPrice=0), True),
        (seen(inputPrice=None, outputPrice=4), False),
        (price(TODAY, inputPrice=900000000, outputPrice=4), True),
        (price("2026-01-01", inputPrice=900000000, outputPrice=4), True),
        (price("2027-01-01", inputPrice=900000000, outputPrice=4), True),
        (price("2025-01-01", inputPrice=900000000, outputPrice=4), False),
        (price(TODAY, inputPrice=99, serviceTier="batch"), False),
        (price(TODAY, inputPrice=99, contextThreshold=200000), False),
    ],
)
async def test_what_is_held(priced: Writer, proposed: Json, is_held: bool) -> None:
    done = await priced.ingest({"pricing": [proposed]})
    assert done["pricing"]["held"] == is_held
    assert done["pricing"]["created"] == (not is_held)
    held = await priced.get("pipeline/held")
    assert len(held) == is_held
    assert await priced.get("pipeline/held?model=acme/two") == []
    if is_held:
        assert await current(priced) == (2, 4)
        again = await priced.ingest({"pricing": [proposed]})
        for left in (done["left"], again["left"]):
            assert [(one["reason"], one["id"]) for one in left] == [("held", str(held[0]["id"]))]


async def test_both_figures_and_their_sources(priced: Writer) -> None:
    proposed = seen(inputPrice=200, outputPrice=4, sourceUrl="https://b.example")
    body = {"pricing": [proposed]}
    run = await priced.raw("POST", "pipeline/ingest?source=nightly", body, token="pipeline")
    [held] = await priced.get("pipeline/held")
    assert held["current"]["inputPrice"] == 2
    assert held["current"]["sourceUrl"] == "https://a.example"
    assert held["proposed"]["inputPrice"] == 200
    assert held["proposed"]["sourceUrl"] == "https://b.example"
    assert (held["source"], held["runId"]) == ("nightly", run.json()["data"]["runId"])
    assert held["effectiveDate"] == TODAY


async def test_the_same_again_waits_once(priced: Writer) -> None:
    for day in (TODAY, "2026-11-23"):
        done = await priced.ingest({"pricing": [seen(day, inputPrice=200, outputPrice=4)]})
        assert done["pricing"]["held"] == 1
    await priced.ingest({"pricing": [seen(inputPrice=300, outputPrice=4)]})
    assert [one["proposed"]["inputPrice"] for one in await priced.get("pipeline/held")] == [
        200,
        300,
    ]


async def test_accepted(priced: Writer) -> None:
    await priced.ingest({"pricing": [seen(inputPrice=200, outputPrice=4)]})
    await priced.send("POST", "pipeline/held/1/accept", status=403, token="pipeline")
    done = await priced.send("POST", "pipeline/held/1/accept")
    assert done["data"]["status"] == "accepted"
    assert done["data"]["decidedBy"].startswith("admin")
    assert await current(priced) == (200, 4)
    [change] = await priced.get("changes?kind=price_changed")
    assert (change["actor"], change["after"]["inputPrice"]) == (done["data"]["decidedBy"], 200)
    assert change["before"]["inputPrice"] == 2
    error = await priced.send("POST", "pipeline/held/1/accept", status=409)
    assert "was accepted by admin" in error["error"]["message"]
    await priced.send("POST", "pipeline/held/9/accept", status=404)
    await priced.send("POST", "pipeline/held/x/reject", status=404)
    # What applied before is now the jump.
    assert (await priced.ingest({"pricing": [seen(inputPrice=2)]}))["pricing"]["held"] == 1


async def test_an_accepted_correction(priced: Writer) -> None:
    await priced.ingest({"pricing": [price(inputPrice=200)]})
    await priced.send("POST", "pipeline/held/1/accept")
    assert await current(priced) == (200, 4)
    assert len(await priced.get("pricing?model=acme/one")) == 1
    assert len(await priced.get("changes?kind=price_corrected")) == 1


async def test_rejected_it_stays_rejected(priced: Writer) -> None:
    proposal = {"pricing": [seen(inputPrice=200, outputPrice=4)]}
    await priced.ingest(proposal)
    done = await priced.send("POST", "pipeline/held/1/reject")
    assert done["data"]["status"] == "rejected"
    assert (await priced.ingest(proposal))["pricing"]["held"] == 1
    assert await priced.get("pipeline/held") == []
    assert await current(priced) == (2, 4)
    assert len(await priced.get("pipeline/held?status=rejected")) == 1


async def test_the_rest_of_the_batch_is_written(priced: Writer) -> None:
    done = await priced.ingest(
        {"pricing": [seen(inputPrice=200), seen(inputPrice=3, serviceTier="flex")]}
    )
    assert (done["pricing"]["held"], done["pricing"]["created"]) == (1, 1)


async def test_without_a_factor_nothing_is_held(database: Engine, clock: Clock) -> None:
    async with writer_of(database, clock, held_price_factor=0) as api:
        await api.ingest(CATALOG | {"pricing": [price(inputPrice=2)]})
        done = await api.ingest({"pricing": [seen(inputPrice=200)]})
        assert done["pricing"]["created"] == 1
