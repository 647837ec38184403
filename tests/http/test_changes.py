"""`GET /v1/changes` and its feed: every change of the catalogue, in order and filtered."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import groupby
from typing import Any

import pytest

from tests.catalog import CLAUDE2, FIRST, FLASH, LOST, MINI, O3, OPUS, PRO, SONNET, STEPS
from tests.expected import Json, World, stamp
from tests.http.conftest import Api

pytestmark = pytest.mark.anyio

MEMBERS = ["revision", "table", "id", "modelId", "kind", "before", "after", "actor", "runId",
           "changedAt"]  # fmt: skip


async def log(api: Api, **params: Any) -> list[Json]:
    changes: list[Json] = await api.data("changes", limit=1000, **params)
    return changes


async def test_revisions_have_no_gaps_and_steps_follow_each_other(api: Api) -> None:
    changes = await log(api)
    assert [change["revision"] for change in changes] == list(range(1, len(changes) + 1))
    assert all(list(change) == MEMBERS for change in changes)
    who = ("changedAt", "actor", "runId")
    writes = [key for key, _ in groupby(changes, key=lambda c: tuple(c[name] for name in who))]
    assert writes == [(stamp(step.now), step.actor, step.run_id) for step in STEPS]
    meta = (await api.get("changes"))["meta"]
    assert (meta["revision"], meta["lastUpdated"]) == (len(changes), stamp(STEPS[-1].now))


async def test_every_row_of_the_first_write_is_there(api: Api) -> None:
    changes = [c for c in await log(api) if c["changedAt"] == stamp(STEPS[0].now)]
    tables = ("providers", "models", "pricing", "benchmarks")
    for table in tables:
        assert sum(c["table"] == table for c in changes) == len(getattr(FIRST, table))
    assert {c["kind"] for c in changes} == {
        "provider_added", "model_added", "price_added", "price_changed", "score_added",
    }  # fmt: skip


async def test_a_row_after_its_last_change_is_the_row(api: Api, world: World) -> None:
    # A price that comes into force is not itself changed by that.
    changes = [change for change in await log(api) if change["kind"] != "price_effective"]
    newest = {(change["table"], change["id"]): change["after"] for change in changes}
    for provider in world.providers:
        assert newest["providers", provider["id"]] == provider
    for model in world.models:
        assert newest["models", model["id"]] == model
    for price in world.prices:
        assert newest["pricing", str(price["id"])] == price
    for score in world.scores:
        assert newest["benchmarks", str(score["id"])] == score


async def test_kinds_of_changes(api: Api) -> None:
    since = len([c for c in await log(api) if c["changedAt"] == stamp(STEPS[0].now)])
    later = [(c["kind"], c["modelId"] or c["id"]) for c in await log(api, since=since)]
    assert sorted(later) == sorted(
        [
            ("model_deprecated", CLAUDE2), ("model_changed", "mistral/mistral-large-2411"),
            ("price_changed", OPUS), ("price_corrected", PRO), ("price_changed", SONNET),
            ("price_changed", O3), ("price_changed", FLASH),
            ("score_added", "openai/gpt-5"), ("score_added", SONNET), ("score_added", O3),
            ("price_effective", MINI), ("price_effective", O3),
            ("provider_changed", "google"), ("score_changed", "openai/gpt-5"),
            ("model_deleted", "openai/davinci"), ("provider_deleted", "gone"),
            ("score_deleted", "mistral/mistral-large-2411"),
        ]
    )  # fmt: skip


async def test_before_and_after(api: Api) -> None:
    [corrected] = await log(api, kind="price_corrected")
    assert corrected["before"]["effectiveDate"] == corrected["after"]["effectiveDate"]
    assert str(corrected["before"]["inputPrice"]) == "1.25"
    assert str(corrected["after"]["inputPrice"]) == "1.2"
    [opus] = await log(api, kind="price_changed", model=OPUS)
    assert (opus["before"]["inputPrice"], opus["after"]["inputPrice"]) == (15, 12)
    assert opus["before"]["id"] != opus["after"]["id"]
    [mini] = await log(api, kind="price_effective", model=MINI)
    assert mini["before"]["effectiveDate"] < mini["after"]["effectiveDate"] == "2026-06-01"
    [deprecated] = await log(api, kind="model_deprecated")
    assert (deprecated["before"]["deprecated"], deprecated["after"]["deprecated"]) == (False, True)


@pytest.mark.parametrize(
    "params",
    [
        {"since": 10},
        {"since": 10_000},
        {"table": "pricing"},
        {"table": "models,providers"},
        {"model": SONNET},
        {"model": LOST},
        {"model": "no/such"},
        {"kind": "price_added"},
        {"kind": "price_corrected,score_changed"},
        {"since": 40, "table": "pricing,benchmarks", "model": SONNET, "kind": "score_added"},
    ],
)
async def test_filters(api: Api, params: dict[str, Any]) -> None:
    def keeps(change: Json) -> bool:
        return (
            change["revision"] > params.get("since", 0)
            and ("table" not in params or change["table"] in params["table"].split(","))
            and ("kind" not in params or change["kind"] in params["kind"].split(","))
            and ("model" not in params or change["modelId"] == params["model"])
        )

    expected = [change for change in await log(api) if keeps(change)]
    answer = await api.get("changes", {"limit": 3, **params})
    assert answer["data"] == expected[:3]
    assert answer["meta"]["total"] == len(expected)


async def test_following_the_log_in_pieces_misses_nothing(api: Api) -> None:
    seen: list[Json] = []
    while piece := await api.data("changes", since=seen[-1]["revision"] if seen else 0, limit=7):
        seen += piece
    assert seen == await log(api)


@pytest.mark.parametrize(
    ("params", "word"),
    [({"since": -1}, "since"), ({"limit": 1001}, "limit"), ({"limit": 0}, "limit"),
     ({"table": "runs"}, "table"), ({"page": 1}, "page"),
     ({"kind": "price_chnged"}, "did you mean price_changed?")],
)  # fmt: skip
async def test_bad_parameters_are_named(api: Api, params: dict[str, Any], word: str) -> None:
    assert word in (await api.refused("changes", **params))["message"]


async def test_the_feed_has_the_newest_price_first(api: Api) -> None:
    response = await api.client.get("/v1/changes.atom")
    assert response.headers["content-type"].startswith("application/atom+xml")
    atom = "{http://www.w3.org/2005/Atom}"
    entries = ET.fromstring(response.text).findall(f"{atom}entry")
    kinds = "price_added,price_changed,price_corrected,price_effective"
    changes = (await log(api, kind=kinds))[::-1]
    ids = [entry.findtext(f"{atom}id") for entry in entries]
    assert ids == [f"urn:aicompare:change:{change['revision']}" for change in changes]
