"""Edits by hand: whole, in part, gone and back, and never over what somebody else changed."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import pytest

from tests.pipeline.conftest import CATALOG, Json, Writer, price

pytestmark = pytest.mark.anyio

SCORE = {"modelId": "acme/one", "benchmarkName": "elo", "score": 1200.5}


@pytest.fixture
async def filled(api: Writer) -> Writer:
    await api.ingest(
        CATALOG | {"pricing": [price(inputPrice=2, outputPrice=4)], "benchmarks": [SCORE]}
    )
    return api


ROWS = {
    "providers/acme": ({"name": "Acme Inc."}, {"website": "https://acme.example"}),
    "models/acme/one": ({"name": "One!", "inputModalities": ["text"]}, {"deprecated": True}),
    "pricing/1": ({"inputPrice": 1.5}, {"outputPrice": None, "sourceUrl": "https://a.example"}),
    "benchmarks/1": ({"score": 3}, {"unit": "elo"}),
}


@pytest.mark.parametrize("path", ROWS)
async def test_put_patch_delete_restore(filled: Writer, path: str) -> None:
    whole, part = ROWS[path]
    response = await filled.raw("PUT", path, whole)
    assert response.status_code == 200, response.text
    row = response.json()["data"]
    assert whole.items() <= row.items()
    revision = int(response.headers["x-revision"])
    assert response.headers["etag"] == f'"{revision}"'
    same = await filled.raw("PUT", path, whole)
    assert int(same.headers["x-revision"]) == revision, "what is there already writes nothing"
    patched = (await filled.send("PATCH", path, part))["data"]
    assert (whole | part).items() <= patched.items()
    changes = await filled.get(f"changes?since={revision - 1}")
    assert [one["after"] for one in changes][-1]["id"] == row["id"]

    await filled.send("DELETE", path)
    await filled.send("DELETE", path, status=404)
    error = await filled.send("PATCH", path, part, status=404)
    assert "was deleted" in error["error"]["message"]
    restored = (await filled.send("POST", f"{path}/restore"))["data"]
    patched.pop("updatedAt")
    restored.pop("updatedAt")
    assert restored == patched
    await filled.send("POST", f"{path}/restore")
    kinds = [one["kind"] for one in await filled.get(f"changes?since={revision}")]
    assert [kind.partition("_")[2] for kind in kinds[-2:]] == ["deleted", "restored"]


async def test_a_row_that_is_not_there(filled: Writer) -> None:
    for path in ("pricing/9", "benchmarks/9", "pricing/x", "pricing/01"):
        await filled.send("PUT", path, {"score": 1} if "bench" in path else {}, status=404)
    for path in ("providers/none", "models/acme/none", "pricing/9"):
        await filled.send("PATCH", path, {}, status=404)
        await filled.send("DELETE", path, status=404)
        await filled.send("POST", f"{path}/restore", status=404)


async def test_put_makes_providers_and_models(filled: Writer) -> None:
    made = await filled.raw("PUT", "providers/new", {"name": "New"})
    assert (made.status_code, made.json()["data"]["id"]) == (201, "new")
    id = "new/google/gemini@1:free"
    for spelled in (id, quote(id, safe="")):
        response = await filled.raw("PUT", f"models/{spelled}", {"name": "G", "license": "MIT"})
        assert response.json()["data"]["id"] == id
        assert response.json()["data"]["modelId"] == "google/gemini@1:free"
    assert (await filled.get(f"models/{id}"))["mode"] == "chat"
    long = "x" * 201  # which no pipeline could send
    error = await filled.send("PUT", f"models/acme/{long}", {"name": "X"}, status=400)
    assert "cannot be an id in models" in error["error"]["message"]
    error = await filled.send("PUT", "models/none/x", {"name": "X"}, status=409)
    assert error["error"]["message"] == "there is no provider none: make it first"
    assert await filled.get("locks?id=none/x") == []
    for path in ("models/noslash", "providers/a b", "models/a/ "):
        await filled.send("PUT", path, {"name": "X"}, status=400)
    locked = await filled.get("locks?table=models")
    assert [one["field"] for one in locked] == ["license", "name"]


async def test_what_belongs_to_a_deleted_row_is_out_of_sight(filled: Writer) -> None:
    await filled.send("DELETE", "providers/acme")
    assert await filled.get("models") == []
    await filled.send("GET", "models/acme/one", status=404)
    await filled.send("POST", "providers/acme/restore")
    assert len(await filled.get("models")) == 1


async def test_if_match_takes_the_tag_of_any_read(filled: Writer) -> None:
    read = await filled.raw("GET", "models/acme/one", token=None, accept_encoding="gzip")
    await filled.send("PATCH", "providers/acme", {"name": "A"})
    tag = read.headers["etag"]
    done = await filled.raw("PATCH", "models/acme/one", {"family": "a"}, if_match=tag)
    assert done.status_code == 200, "another row changed, not this one"
    error = await filled.send("PATCH", "models/acme/one", {"family": "b"}, status=412, if_match=tag)
    assert error["error"]["code"] == "precondition_failed"
    assert error["error"]["details"]["current"]["family"] == "a"
    newest = f'"0-abc", {done.headers["etag"]}'
    await filled.send("PATCH", "models/acme/one", {"family": "b"}, if_match=newest)
    await filled.send("PATCH", "models/acme/one", {"family": "c"}, if_match="*")
    for wrong in ('"999999"', '"abc"', "nonsense", '"1-x"'):
        for method in ("PUT", "PATCH", "DELETE"):
            body = {"name": "x"} if method != "DELETE" else None
            await filled.send(method, "models/acme/one", body, status=412, if_match=wrong)
    await filled.send("PUT", "models/acme/two", {"name": "x"}, status=412, if_match='"1"')
    locked = await filled.get("locks?table=models")
    assert [one["field"] for one in locked] == ["family"], "a refused edit locks nothing"


async def test_of_two_editors_one_wins(filled: Writer) -> None:
    tag = (await filled.raw("GET", "providers/acme")).headers["etag"]

    async def edit(name: str) -> int:
        response = await filled.raw("PATCH", "providers/acme", {"name": name}, if_match=tag)
        return response.status_code

    statuses = await asyncio.gather(*(edit(f"n{i}") for i in range(6)))
    assert sorted(statuses) == [200, 412, 412, 412, 412, 412]


async def test_a_correction_is_told_from_a_new_price(filled: Writer) -> None:
    await filled.send("PATCH", "pricing/1", {"inputPrice": 2.5})
    await filled.ingest({"pricing": [price("2026-02-01", inputPrice=3, outputPrice=4)]})
    kinds = [one["kind"] for one in await filled.get("changes?table=pricing")]
    assert kinds == ["price_added", "price_corrected", "price_changed"]


async def test_the_state_follows_the_figures(filled: Writer) -> None:
    async def patched(body: Json) -> str:
        state: str = (await filled.send("PATCH", "pricing/1", body))["data"]["state"]
        return state

    assert await patched({"inputPrice": 0, "outputPrice": 0}) == "free"
    assert await patched({"outputPrice": 1}) == "paid"
    assert await patched({"inputPrice": None, "outputPrice": None}) == "unknown"
    assert await patched({"state": "subscription"}) == "subscription"
    assert await patched({"sourceUrl": None}) == "subscription"
    await filled.send("PATCH", "pricing/1", {"inputPrice": 3})
    error = await filled.send("PATCH", "pricing/1", {"state": "free"}, status=409)
    assert "state free needs" in error["error"]["message"]
    error = await filled.send("PATCH", "benchmarks/1", {"scoreHigh": 2}, status=409)
    assert "scoreLow and scoreHigh" in error["error"]["message"]


async def test_bad_edits(filled: Writer) -> None:
    error = (
        await filled.send(
            "PUT",
            "models/acme/one",
            {"nam": "x", "contextWindow": 0, "releaseDate": "2025-02-30", "mode": None},
            status=400,
        )
    )["error"]
    found = {fault["field"]: fault["message"] for fault in error["details"]["faults"]}
    assert set(found) == {"nam", "contextWindow", "releaseDate", "mode", "name"}
    assert found["name"] == "is required"
    assert "2025-02-30" in found["releaseDate"]
    for path, body in (
        ("pricing/1", {"inputPrice": -1}),
        ("pricing/1", {"inputPrice": 1e30}),
        ("pricing/1", {"state": "free", "inputPrice": 1}),
        ("benchmarks/1", {"score": 1, "scoreLow": 2}),
        ("providers/acme", {"name": "a\x00b"}),
        ("providers/acme", [1]),
    ):
        await filled.send("PATCH", path, body, status=400)
    assert (await filled.raw("POST", "models/acme/one", {})).status_code == 405
