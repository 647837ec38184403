"""`GET /v1/models/{id}`."""

from __future__ import annotations

from itertools import chain, combinations
from urllib.parse import quote

import pytest

from tests.catalog import CLAUDE2, DAVINCI, EMPTY, LOST, PRO, PRO_FREE, SONNET, TODAY, UPPER
from tests.databases import copied, writing
from tests.engines import Server
from tests.expected import World
from tests.http.conftest import Api, serving
from tests.storage.test_database import sql

pytestmark = pytest.mark.anyio

AT = "2026-11-22T12:00:00.000Z"
INCLUDES = ("pricing", "benchmarks", "history")


async def test_every_model_by_its_id_as_it_is_and_encoded(api: Api, world: World) -> None:
    for id in world.model:
        for path in (id, quote(id), quote(id, safe="")):
            assert await api.data(f"models/{path}") == world.detail(id)


@pytest.mark.parametrize(
    "include", chain.from_iterable(combinations(INCLUDES, size) for size in range(1, 4))
)
async def test_include(api: Api, world: World, include: tuple[str, ...]) -> None:
    for id in (SONNET, EMPTY, CLAUDE2, PRO):
        beside = {"benchmarks": world.scores_of(id), "history": world.history(id)}
        expected = world.detail(id) | {n: beside[n] for n in include if n != "pricing"}
        for names in (include, reversed(include)):
            assert await api.data(f"models/{id}", include=",".join(names)) == expected


async def test_the_price_of_another_day(api: Api, world: World) -> None:
    for day in ("2023-07-10", "2023-07-11", "2026-02-28", "2026-03-01", "2027-01-01"):
        for id in (SONNET, CLAUDE2, "anthropic/claude-opus-4-1"):
            expected = world.detail(id, TODAY.fromisoformat(day))
            assert await api.data(f"models/{id}", asOf=day) == expected


async def test_fields(api: Api, world: World) -> None:
    asked = {"fields": "pricing,name,benchmarks", "include": "benchmarks,history"}
    model = await api.data(f"models/{SONNET}", **asked)
    assert list(model) == ["name", "pricing", "benchmarks"]
    assert model["benchmarks"] == world.scores_of(SONNET)


async def test_nothing_known_is_null_and_nothing_is_invented(api: Api) -> None:
    model = await api.data(f"models/{EMPTY}", include="benchmarks,history")
    known = {name for name, value in model.items() if value not in (None, [])}
    assert known == {
        *("id", "providerId", "name", "modelId", "mode", "deprecated", "createdAt", "updatedAt")
    }


async def test_meta(api: Api) -> None:
    meta = (await api.get(f"models/{SONNET}"))["meta"]
    assert (meta["total"], meta["page"], meta["pageSize"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("id", "near"),
    [
        ("anthropic/claude-sonet-4-5", SONNET),
        ("anthropic/CLAUDE-SONNET-4-5", SONNET),
        ("openai/gemini-2.5-pro", PRO),
        ("openrouter/google/gemini-2.5-pro", PRO_FREE),
        ("upper.case_1/model-a", UPPER),
        ("claude", CLAUDE2),
    ],
)
async def test_an_unknown_id_gets_the_nearest(api: Api, id: str, near: str) -> None:
    error = await api.refused(f"models/{id}", 404)
    assert error["code"] == "not_found"
    assert error["details"]["missing"] == [id]
    assert near in error["details"]["nearest"][id]
    assert len(error["details"]["nearest"][id]) <= 5


async def test_an_id_without_its_provider_is_found_among_many(server: Server) -> None:
    ids = [f"aaa/gpt-{number}" for number in range(201)] + ["zzz/gpt-4o"]
    values = ", ".join(f"('{i}', '{i[:3]}', '{i}', '{i[4:]}', '{AT}', '{AT}')" for i in ids)
    async with copied(server, "seeded") as engine:
        async with writing(engine) as database:
            providers = f"('aaa', 'A', '{AT}', '{AT}'), ('zzz', 'Z', '{AT}', '{AT}')"
            await database.batch(
                sql(f"INSERT INTO providers (id, name, created_at, updated_at) VALUES {providers}"),
                sql(
                    "INSERT INTO models (id, provider_id, name, model_id, created_at, updated_at)"
                    f" VALUES {values}"
                ),
            )
        server.settle(engine)
        async with serving(engine) as client:
            error = await Api(client, server.name).refused("models/gpt-4o", 404)
    assert "zzz/gpt-4o" in error["details"]["nearest"]["gpt-4o"]


@pytest.mark.parametrize("id", [DAVINCI, LOST, "x", "a/%25_", "智谱/glm", "zz/qqqqqqqq", "\\/'"])
async def test_what_is_deleted_or_unlike_any_is_not_there(api: Api, id: str) -> None:
    error = await api.refused(f"models/{quote(id)}", 404)
    assert error["code"] == "not_found"
    assert not {DAVINCI, LOST} & set(*error["details"]["nearest"].values())


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"include": "prices"}, "include"),
        ({"fields": "colour"}, "fields"),
        ({"fields": "history"}, "include=history"),
        ({"asOf": "2026-02-30"}, "asOf"),
        ({"page": "1"}, "page"),
    ],
)
async def test_bad_parameters_are_named(api: Api, params: dict[str, str], word: str) -> None:
    assert word in (await api.refused(f"models/{SONNET}", **params))["message"]
