"""`GET /v1/models`: every parameter alone and with every other, against plain Python."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import pytest

from service.storage import paging, periods
from tests.catalog import EMPTY, GPT, PRO, SONNET, TODAY
from tests.expected import CAPABILITIES, World, page
from tests.http.conftest import Api

pytestmark = pytest.mark.anyio

# Per parameter some values: none of them leaves all models, some leave none.
FILTERS: dict[str, tuple[str, ...]] = {
    "q": ("claude", "5 gpt", "-", "智谱", "Ä", "%", "_", '"', "\\", "i̇st", "o3", "ss", "none such"),
    "ids": (f"{SONNET},{EMPTY},no/such", GPT),
    "provider": ("anthropic", "google,openrouter", "gone", "nobody", "UPPER.Case_1"),
    "canonical": (PRO, GPT, "no/such"),
    "supports": ("vision", "tools,functionCalling", *CAPABILITIES[3:], ",".join(CAPABILITIES)),
    "inputModalities": ("image", "text,pdf", "audio,video"),
    "outputModalities": ("text", "image,video", "audio"),
    "minContext": ("0", "131072", "1048577"),
    "minOutput": ("1", "64000"),
    "maxInputPrice": ("0", "0.25", "1.25", "2", "99"),
    "maxOutputPrice": ("0", "9.6", "9.599999999", "1e-9"),
    "releasedAfter": ("2025-06-17", "2025-06-18", "2024-10-16", "2030-01-01"),
    "releasedBefore": ("2025-06-17", "2030-01-01", "2025-09-29", "2025-06-16", "2020-01-01"),
    "openWeights": ("true", "false"),
    "deprecated": ("true", "any", "false"),
    "benchmark": ("arena-overall", "latency-p50", "mmlu", "penalty", "none"),
    "asOf": ("2025-10-01", "2026-02-28", "2026-11-21", "2026-11-23", "2027-06-01", "2000-01-01"),
}
SORTS = ("name", "provider", "releaseDate", "contextWindow", "maxOutput", "inputPrice",
         "outputPrice", "updatedAt")  # fmt: skip
EACH = [{name: value} for name, values in FILTERS.items() for value in values]


async def check(api: Api, world: World, query: dict[str, str]) -> list[str]:
    expected = world.listed(query)
    answer = await api.get("models", {"pageSize": "500", **query})
    assert [model["id"] for model in answer["data"]] == expected, query
    assert answer["meta"]["total"] == len(expected), query
    return expected


@pytest.mark.parametrize("query", EACH, ids=lambda query: str(query))
async def test_a_filter_alone(api: Api, world: World, query: dict[str, str]) -> None:
    await check(api, world, query)


async def test_filters_in_pairs(api: Api, world: World) -> None:
    found = 0
    for (a, values), (b, others) in combinations(FILTERS.items(), 2):
        for value, other in zip(values[:3], others[1:4], strict=False):
            found += bool(await check(api, world, {a: value, b: other}))
    assert found > 50


async def test_many_filters_together(api: Api, world: World) -> None:
    query = {
        "q": "claude 4.5", "supports": "vision,reasoning", "inputModalities": "text,pdf",
        "outputModalities": "text", "minContext": "200000", "minOutput": "64000",
        "maxInputPrice": "3", "maxOutputPrice": "15", "releasedAfter": "2025-09-29",
        "releasedBefore": "2025-09-29", "openWeights": "false", "deprecated": "any",
        "benchmark": "arena-overall", "minScore": "1451", "provider": "anthropic,openai",
        "canonical": SONNET, "ids": SONNET, "asOf": "2026-01-01", "sort": "-score,name",
    }  # fmt: skip
    assert await check(api, world, query) == [SONNET]


@pytest.mark.parametrize("q", ["claude", "5 gpt", "o3", "ss", "-", "mini", "none such"])
@pytest.mark.parametrize("deprecated", ["false", "true", "any"])
async def test_what_many_models_match(
    api: Api, world: World, q: str, deprecated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if any match were too much to be sorted."""
    monkeypatch.setattr(paging, "_FEW", 0)
    monkeypatch.setattr(paging, "_FEW_TEXTS", 0)
    for sort in ("", "name", "-name", "-releaseDate", "releaseDate", "inputPrice,-contextWindow"):
        query = {"q": q, "deprecated": deprecated} | ({"sort": sort} if sort else {})
        expected = world.listed(query)
        for number in (1, 2, 9):
            answer = await api.get("models", {**query, "page": str(number), "pageSize": "2"})
            assert [model["id"] for model in answer["data"]] == page(expected, number, 2), query
            assert answer["meta"]["total"] == len(expected), query


@pytest.mark.parametrize(
    "limit",
    [
        {"minContext": "128000"},
        {"minOutput": "64000", "supports": "tools"},
        {"maxOutputPrice": "15", "maxInputPrice": "3"},
        {"releasedAfter": "2025-01-01", "supports": "vision", "deprecated": "any"},
    ],
)
async def test_what_a_limit_leaves_of_many_models(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch, limit: dict[str, str]
) -> None:
    monkeypatch.setattr(paging, "_FEW", 0)
    for sort in ("name", "-inputPrice", "releaseDate,-name"):
        assert await check(api, world, {"sort": sort, **limit})


@pytest.mark.parametrize("least", ["1451", "1409.123456789", "1409.12345679", "-1"])
async def test_min_score(api: Api, world: World, least: str) -> None:
    await check(api, world, {"benchmark": "arena-overall", "minScore": least})
    await check(api, world, {"benchmark": "penalty", "minScore": least})


async def test_sorting_puts_the_unknown_last_both_ways(api: Api, world: World) -> None:
    for key in (*SORTS, *(f"-{key}" for key in SORTS)):
        for more in ({}, {"asOf": "2025-12-31"}, {"deprecated": "any", "minContext": "1"}):
            await check(api, world, {"sort": key, **more})
    for keys in ("-contextWindow,inputPrice", "outputPrice,-name", "provider,-releaseDate,name"):
        await check(api, world, {"sort": keys})


@pytest.mark.parametrize("name", ["arena-overall", "latency-p50", "penalty"])
async def test_sorting_by_score(api: Api, world: World, name: str) -> None:
    for sort in ("score", "-score", "-score,-name", "provider,-score"):
        await check(api, world, {"benchmark": name, "sort": sort})


@pytest.mark.parametrize("size", [1, 7, 500])
async def test_pages_hold_every_model_once(api: Api, world: World, size: int) -> None:
    ids = world.listed({"sort": "-inputPrice"})
    for number in range(1, len(ids) // size + 3):
        asked = {"sort": "-inputPrice", "page": number, "pageSize": size}
        answer = await api.get("models", asked)
        assert [model["id"] for model in answer["data"]] == page(ids, number, size)
        meta = answer["meta"]
        assert (meta["page"], meta["pageSize"], meta["total"]) == (number, size, len(ids))


async def test_a_model_in_full(api: Api, world: World) -> None:
    answer = await api.get("models", {"deprecated": "any"})
    expected = world.listed({"deprecated": "any"})
    assert answer["data"] == [world.detail(id) for id in expected]
    assert answer["meta"]["lastUpdated"] == "2026-11-22T07:00:00.500Z"
    assert answer["meta"]["pageSize"] == 50


async def test_prices_as_they_stood(api: Api, world: World) -> None:
    for day in ("2025-10-01", "2026-06-01", "2027-01-01", TODAY.isoformat()):
        models = await api.data("models", asOf=day, deprecated="any")
        as_of = TODAY.fromisoformat(day)
        expected = world.listed({"deprecated": "any"})
        assert models == [world.detail(id, as_of) for id in expected]


@pytest.mark.parametrize(("few", "known"), [(32_000, 1000), (0, 0), (2, 100), (4, 2)])
async def test_the_order_of_a_day(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch, few: int, known: int
) -> None:
    """As if few rows were many: each way of reading gives the same pages."""
    monkeypatch.setattr(periods, "_FEW", few)
    monkeypatch.setattr(periods, "_KNOWN", known)
    size = 3 + few % 5 + known % 3  # not what is kept of another way
    for day, sort, more in product(
        ("2000-01-01", "2025-10-01", "2026-02-28", "2027-06-01"),
        ("", "inputPrice", "-outputPrice", "-inputPrice,outputPrice", "outputPrice,-releaseDate",
         "name,inputPrice", "-contextWindow"),
        ({}, {"maxInputPrice": "1.25"}, {"maxOutputPrice": "9.6", "minContext": "131072"}),
    ):  # fmt: skip
        query = {"asOf": day, "deprecated": "any", **more} | ({"sort": sort} if sort else {})
        ids = world.listed(query)
        for number in (1, 2, len(ids) // size + 1):
            answer = await api.get("models", {"page": number, "pageSize": size, **query})
            assert [m["id"] for m in answer["data"]] == page(ids, number, size), query
            assert answer["meta"]["total"] == len(ids), query


async def test_include(api: Api, world: World) -> None:
    for names in ("benchmarks", "history", "history,benchmarks", "pricing,benchmarks,history"):
        models = await api.data("models", include=names, sort="-name", pageSize=9)
        assert [model["id"] for model in models] == world.listed({"sort": "-name"})[:9]
        for model in models:
            made: dict[str, Any] = {
                "pricing": world.price(model["id"]),
                "benchmarks": world.scores_of(model["id"]),
                "history": world.history(model["id"]),
            }
            beside = {name: made[name] for name in names.split(",")}
            assert model == world.model[model["id"]] | beside


async def test_fields(api: Api, world: World) -> None:
    names = ("id", "contextWindow", "pricing")
    models = await api.data("models", fields=",".join(reversed(names)), ids=f"{SONNET},{EMPTY}")
    for model in models:
        assert list(model) == ["id", "contextWindow", "pricing"]
        detail = world.detail(model["id"])
        assert model == {name: detail[name] for name in names}
    assert len(models) == 2


@pytest.mark.parametrize(
    "query", [{}, {"provider": "openai"}, {"q": "claude", "deprecated": "any"}, {"q": "none such"},
              {"maxInputPrice": "2", "asOf": "2026-01-01"}, {"benchmark": "arena-overall"}],
)  # fmt: skip
async def test_facets_count_under_the_same_filters(
    api: Api, world: World, query: dict[str, str]
) -> None:
    asked = {"facets": "provider,family,mode,supports", "pageSize": "1", **query}
    facets = (await api.get("models", asked))["meta"]["facets"]
    models = [world.model[id] for id in world.listed(query)]
    for facet, member in (("provider", "providerId"), ("family", "family"), ("mode", "mode")):
        values = [model[member] for model in models if model[member] is not None]
        expected = {value: values.count(value) for value in values}
        assert facets[facet] == expected
        assert list(facets[facet]) == sorted(expected, key=lambda v: (-expected[v], v))
    assert facets["supports"] == {
        name: sum(bool(m[f"supports{name[0].upper()}{name[1:]}"]) for m in models)
        for name in CAPABILITIES
    }
    only = await api.get("models", {"facets": "mode", **query})
    assert list(only["meta"]["facets"]) == ["mode"]
    assert "facets" not in (await api.get("models", query))["meta"]
