"""`GET /v1/benchmarks`: scores, and the leaderboard of one benchmark."""

from __future__ import annotations

import pytest

from tests.catalog import CLAUDE2, FLASH, GPT, LARGE, LOST, MINI, O3, PRO, SONNET
from tests.expected import Json, World, page
from tests.http.conftest import Api

pytestmark = pytest.mark.anyio

NAMES = ("arena-overall", "latency-p50", "mmlu", "penalty")


def shown(world: World, score: Json, rank: int | None) -> Json:
    model = world.model[score["modelId"]]
    return score | {
        "rank": rank,
        "modelName": model["name"],
        "providerId": model["providerId"],
        "pricing": world.price(model["id"]),
    }


def ranking(world: World, name: str) -> list[Json]:
    """Best first, ties sharing a place and ordered by id."""
    scores = [score for score in world.scores if score["benchmarkName"] == name]
    best = {
        score["id"]: score["score"] * (-1 if score["higherIsBetter"] else 1) for score in scores
    }
    scores.sort(key=lambda score: (best[score["id"]], score["modelId"]))
    places = sorted(best.values())
    return [shown(world, score, places.index(best[score["id"]]) + 1) for score in scores]


async def test_all_scores_by_benchmark_and_model(api: Api, world: World) -> None:
    answer = await api.get("benchmarks")
    assert answer["data"] == [shown(world, score, None) for score in world.scores]
    assert answer["meta"]["total"] == len(world.scores)


@pytest.mark.parametrize("name", [*NAMES, "none"])
async def test_a_leaderboard(api: Api, world: World, name: str) -> None:
    answer = await api.get("benchmarks", {"name": name})
    assert answer["data"] == ranking(world, name)
    assert answer["meta"]["total"] == len(answer["data"])


async def test_ties_share_a_place_and_the_next_one_is_left_out(api: Api) -> None:
    async def places(name: str) -> list[tuple[str, int]]:
        scores = await api.data("benchmarks", name=name)
        return [(score["modelId"], score["rank"]) for score in scores]

    assert await places("arena-overall") == [
        (SONNET, 1), (PRO, 1), (GPT, 1), (FLASH, 4), (CLAUDE2, 5),
    ]  # fmt: skip
    assert await places("latency-p50") == [(FLASH, 1), (MINI, 1), (SONNET, 3), (GPT, 4)]
    assert await places("penalty") == [(O3, 1), (SONNET, 2), (GPT, 2)]


async def test_places_are_counted_over_the_whole_benchmark(api: Api, world: World) -> None:
    expected = ranking(world, "arena-overall")
    for number in (1, 2, 3, 4):
        asked = {"name": "arena-overall", "page": number, "pageSize": 2}
        answer = await api.get("benchmarks", asked)
        assert answer["data"] == page(expected, number, 2)
        assert answer["meta"]["total"] == 5
    only = await api.data("benchmarks", name="arena-overall", model=FLASH)
    assert [(score["modelId"], score["rank"]) for score in only] == [(FLASH, 4)]


@pytest.mark.parametrize("model", [SONNET, LARGE, LOST, "no/such"])
async def test_one_model(api: Api, world: World, model: str) -> None:
    answer = await api.get("benchmarks", {"model": model})
    expected = [shown(world, s, None) for s in world.scores if s["modelId"] == model]
    assert answer["data"] == expected
    assert answer["meta"]["total"] == len(expected)


async def test_pages(api: Api, world: World) -> None:
    rows = [shown(world, score, None) for score in world.scores]
    for number in range(1, 5):
        assert await api.data("benchmarks", page=number, pageSize=5) == page(rows, number, 5)


async def test_bad_parameters_are_named(api: Api) -> None:
    for params, word in (
        ({"name": " "}, "name"),
        ({"sort": "score"}, "sort"),
        ({"page": 0}, "page"),
    ):
        assert word in (await api.refused("benchmarks", **params))["message"]
