"""What a person set by hand, ingest leaves alone, and says so."""

from __future__ import annotations

import pytest

from tests.pipeline.conftest import CATALOG, MODEL, Json, Writer, price

pytestmark = pytest.mark.anyio


async def models(api: Writer, **values: object) -> Json:
    done: Json = await api.ingest({"models": [MODEL | values]})
    return done


async def test_a_patched_field_is_left_alone(api: Writer) -> None:
    await api.ingest(CATALOG)
    await api.send("PATCH", "models/acme/one", {"name": "By hand", "contextWindow": 5})
    done = await models(api, name="By source", family="f", contextWindow=9)
    assert done["models"] == {"created": 0, "updated": 1, "unchanged": 0, "locked": 1, "held": 0}
    assert [(one["index"], one["id"], one["field"], one["reason"]) for one in done["left"]] == [
        (0, "acme/one", "contextWindow", "locked"),
        (0, "acme/one", "name", "locked"),
    ]
    model = await api.get("models/acme/one")
    assert (model["name"], model["family"], model["contextWindow"]) == ("By hand", "f", 5)
    assert [one["id"] for one in await api.get("models?q=by%20hand")] == ["acme/one"]

    done = await models(api, name="By source")
    assert done["models"] == {"created": 0, "updated": 0, "unchanged": 0, "locked": 1, "held": 0}
    done = await models(api, name="By hand", contextWindow=5)
    assert done["models"]["unchanged"] == 1
    run = await api.get(f"pipeline/runs/{done['runId']}")
    assert (run["left"], run["leftTotal"]) == ([], 0)

    assert len(await api.get("locks?table=models&id=acme/one")) == 2
    await api.send("DELETE", "locks/models/acme/one/name")
    await api.send("DELETE", "locks/models/acme/one/name", status=404)
    await models(api, name="By source", contextWindow=9)
    model = await api.get("models/acme/one")
    assert (model["name"], model["contextWindow"]) == ("By source", 5)


async def test_locks_by_hand(api: Writer) -> None:
    await api.ingest(CATALOG | {"pricing": [price(inputPrice=1, outputPrice=2)]})
    lock = (await api.send("PUT", "locks/pricing/1/inputPrice"))["data"]
    assert (lock["table"], lock["id"], lock["field"]) == ("pricing", "1", "inputPrice")
    assert (await api.send("PUT", "locks/pricing/1/inputPrice"))["data"] == lock
    done = await api.ingest({"pricing": [price(inputPrice=3, outputPrice=4)]})
    assert done["pricing"]["updated"] == done["pricing"]["locked"] == 1
    [row] = await api.get("pricing?model=acme/one")
    assert (row["inputPrice"], row["outputPrice"]) == (1, 4)
    for path, status in (
        ("locks/pricing/2/inputPrice", 404),
        ("locks/pricing/x/inputPrice", 404),
        ("locks/pricing/1/effectiveDate", 400),
        ("locks/nothing/1/name", 404),
        ("locks/models/acme/two/name", 404),
        ("locks/models", 404),
    ):
        await api.send("PUT", path, status=status)


async def test_a_lock_never_breaks_a_batch(api: Writer) -> None:
    """What is locked and what is sent may contradict each other: then the row stays as it is."""
    score = {"modelId": "acme/one", "benchmarkName": "b", "score": 5, "scoreLow": 4}
    free = price(inputPrice=0, outputPrice=0)
    await api.ingest(CATALOG | {"pricing": [free], "benchmarks": [score]})
    await api.send("PUT", "locks/benchmarks/1/scoreLow")
    await api.send("PUT", "locks/pricing/1/state")
    done = await api.ingest(
        {
            "models": [MODEL | {"family": "f"}],
            "pricing": [price(inputPrice=0, outputPrice=0, reasoningPrice=1)],
            "benchmarks": [{"modelId": "acme/one", "benchmarkName": "b", "score": 3}],
        }
    )
    assert done["models"]["updated"] == 1
    assert done["benchmarks"] == {
        "created": 0, "updated": 0, "unchanged": 0, "locked": 1, "held": 0,
    }  # fmt: skip
    assert done["left"][0]["field"] is None
    [kept] = await api.get("benchmarks?model=acme/one")
    assert kept["score"] == 5


async def test_a_deleted_row_is_left_alone(api: Writer) -> None:
    await api.ingest(CATALOG)
    await api.send("DELETE", "models/acme/one")
    done = await models(api, name="Back?")
    assert done["models"]["locked"] == 1
    assert done["left"] == [
        {"table": "models", "index": 0, "id": "acme/one", "field": None, "reason": "deleted"}
    ]
    await api.send("GET", "models/acme/one", status=404)
    await api.send("POST", "models/acme/one/restore")
    assert (await api.get("models/acme/one"))["name"] == "One"
    assert (await models(api, name="Back"))["models"]["updated"] == 1


@pytest.mark.parametrize("gone", ["providers/acme", "models/acme/one"])
async def test_what_belongs_to_a_deleted_row_is_left_alone(api: Writer, gone: str) -> None:
    """New rows and stored ones: they would be counted and never be seen."""
    await api.ingest(CATALOG | {"pricing": [price(inputPrice=1)]})
    [stored] = await api.get("pricing?model=acme/one")
    await api.send("DELETE", gone)
    before = await api.get("changes")
    sent = [MODEL, MODEL | {"modelId": "new"}] if gone == "providers/acme" else [MODEL]
    last = sent[-1]["modelId"]
    done = await api.ingest(
        {
            "models": sent,
            "pricing": [
                price(inputPrice=2),
                price("2026-02-01", inputPrice=99),
                {"modelId": f"acme/{last}", "observedOn": "2026-03-01", "inputPrice": 3},
            ],
            "benchmarks": [{"modelId": f"acme/{last}", "benchmarkName": "b", "score": 1}],
        }
    )
    for table, size in (("models", len(sent)), ("pricing", 3), ("benchmarks", 1)):
        left = [one for one in done["left"] if one["table"] == table]
        assert done[table] == {
            "created": 0, "updated": 0, "unchanged": 0, "locked": size, "held": 0,
        }  # fmt: skip
        assert [one["index"] for one in left] == list(range(size))
        assert {(one["reason"], one["field"]) for one in left} == {("deleted", None)}
    parent = gone.partition("/")[2]
    names = [one["id"] for one in done["left"] if one["table"] == "pricing"]
    assert names == [str(stored["id"]), parent, parent]
    assert await api.get("changes") == before
    status = await api.get("status")
    hidden = {"models": 0, "pricing": 0, "benchmarks": 0}
    assert status["counts"] == hidden | {"providers": int(gone != "providers/acme")}
    await api.send("POST", f"{gone}/restore")
    assert (await api.get("status"))["counts"]["pricing"] == 1
    assert (await models(api))["models"]["unchanged"] == 1


async def test_a_held_price_of_a_deleted_model_waits(api: Writer) -> None:
    await api.ingest(CATALOG | {"pricing": [price(inputPrice=1)]})
    await api.ingest({"pricing": [price("2026-02-01", inputPrice=99)]})
    [held] = await api.get("pipeline/held")
    await api.send("DELETE", "models/acme/one")
    path = f"pipeline/held/{held['id']}/accept"
    error = (await api.send("POST", path, status=409))["error"]
    assert error["message"].startswith("acme/one or its provider was deleted: restore it first")
    await api.send("POST", "models/acme/one/restore")
    await api.send("POST", path)
    [newest, _] = await api.get("pricing?model=acme/one")
    assert newest["inputPrice"] == 99


async def test_an_edit_without_locks(api: Writer) -> None:
    await api.ingest(CATALOG)
    await api.send("PATCH", "models/acme/one?lock=false", {"name": "By hand"})
    assert await api.get("locks") == []
    await models(api)
    assert (await api.get("models/acme/one"))["name"] == "One"
