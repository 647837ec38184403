"""`GET /v1/providers` and `GET /v1/providers/{id}`."""

from __future__ import annotations

import pytest

from tests.expected import Json, World, page
from tests.http.conftest import Api

pytestmark = pytest.mark.anyio


def summaries(world: World) -> list[Json]:
    found = []
    for provider in world.providers:
        models = [model for model in world.models if model["providerId"] == provider["id"]]
        deprecated = sum(model["deprecated"] for model in models)
        found.append(provider | {"modelCount": len(models), "deprecatedModelCount": deprecated})
    return found


async def test_all_by_id_with_their_counts(api: Api, world: World) -> None:
    answer = await api.get("providers")
    assert answer["data"] == summaries(world)
    assert answer["meta"]["total"] == len(world.providers)
    counts = {p["id"]: (p["modelCount"], p["deprecatedModelCount"]) for p in answer["data"]}
    assert counts["anthropic"] == (3, 1)
    assert counts["nobody"] == (0, 0)
    assert "gone" not in counts


async def test_pages(api: Api, world: World) -> None:
    rows = summaries(world)
    for number in range(1, 5):
        answer = await api.get("providers", {"page": number, "pageSize": 3})
        assert answer["data"] == page(rows, number, 3)
        assert answer["meta"]["total"] == len(rows)


async def test_one(api: Api, world: World) -> None:
    for provider in summaries(world):
        assert await api.data(f"providers/{provider['id']}") == provider


@pytest.mark.parametrize(
    ("id", "near"), [("antropic", "anthropic"), ("upper.case_1", "UPPER.Case_1"), ("gone", None)]
)
async def test_an_unknown_one_gets_the_nearest(api: Api, id: str, near: str | None) -> None:
    error = await api.refused(f"providers/{id}", 404)
    assert error["code"] == "not_found"
    nearest = error["details"]["nearest"][id]
    assert near in nearest if near else "gone" not in nearest


async def test_bad_parameters_are_named(api: Api) -> None:
    for params in ({"page": 0}, {"pageSize": 501}, {"q": "x"}):
        message = (await api.refused("providers", **params))["message"]
        assert next(iter(params)) in message
