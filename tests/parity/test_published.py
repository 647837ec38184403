"""The published catalogues that `aicompare seed` loads: many questions, the same bytes from all."""

from __future__ import annotations

import datetime
import json
import random
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import quote, urlencode

import pytest

from service.sources.catalog import batches
from tests.catalog import NOW, Step
from tests.engines import Server
from tests.expected import Json
from tests.parity.conftest import Sites, sites

pytestmark = pytest.mark.anyio

published = pytest.importorskip("service.sources.published", exc_type=ImportError)
WORDS = ("claude", "gpt-5", "gemini 2.5", "free", "8b", "o", "4.", ":", "llama", "instruct",
         "%", "deepseek/deepseek", "sonnet", "embed", "é", "xl", "-4-5", "pro preview",
         "x/")  # fmt: skip
SUPPORTS = ("vision", "tools", "functionCalling", "streaming", "reasoning", "structuredOutput")
SORTS = ("name", "provider", "releaseDate", "contextWindow", "maxOutput", "inputPrice",
         "outputPrice", "updatedAt")  # fmt: skip
DAYS = ("2024-06-01", "2025-03-15", "2026-01-01", "2026-11-22", "2027-01-01")


@pytest.fixture(scope="session")
async def loaded(all_servers: list[Server]) -> AsyncIterator[Sites]:
    steps = [
        Step(NOW - datetime.timedelta(minutes=60 - i), "seed", batch)
        for i, batch in enumerate(batches(published.read()))
    ]
    async with sites(all_servers, steps) as all_sites:
        yield all_sites


async def test_it_is_all_there(loaded: Sites) -> None:
    catalog = (await loaded.get("/v1/catalog")).json()
    assert len(catalog["data"]["models"]) > 4_500
    assert len(catalog["data"]["providers"]) > 120
    for table in ("providers", "models", "pricing", "benchmarks"):
        assert len((await loaded.get(f"/v1/export/{table}.csv?")).content) > 10_000
    assert (await loaded.get("/v1/changes?since=12000&limit=1000")).json()["data"]


def url(path: str, **params: object) -> str:
    return f"/v1/{path}?{urlencode(params)}"


def model_lists(chance: random.Random, models: list[Json]) -> Iterator[str]:
    """Lists under a few filters each, in any order."""
    filters: dict[str, Callable[[], object]] = {
        "q": lambda: chance.choice(WORDS),
        "provider": lambda: chance.choice(models)["providerId"],
        "canonical": lambda: chance.choice([m["canonical"] for m in models if m["canonical"]]),
        "supports": lambda: ",".join(chance.sample(SUPPORTS, 2)),
        "inputModalities": lambda: chance.choice(("image", "text,pdf", "audio")),
        "minContext": lambda: chance.choice((8000, 200_000, 1_000_000)),
        "minOutput": lambda: chance.choice((4096, 64_000)),
        "maxInputPrice": lambda: chance.choice((0, 0.05, 1, 2.5)),
        "maxOutputPrice": lambda: chance.choice((0, 0.4, 10)),
        "releasedAfter": lambda: chance.choice(DAYS),
        "openWeights": lambda: chance.choice(("true", "false")),
        "deprecated": lambda: chance.choice(("true", "any")),
        "asOf": lambda: chance.choice(DAYS),
        "benchmark": lambda: "arena-overall",
    }
    for _ in range(90):
        wanted = {
            name: filters[name]() for name in chance.sample(sorted(filters), chance.randint(0, 3))
        }
        signs = chance.choice(("", "-"))
        sort = [signs + key for key in chance.sample(SORTS, chance.randint(0, 2))]
        if sort:
            wanted["sort"] = ",".join(sort)
        if chance.random() < 0.3:
            wanted["facets"] = "provider,family,mode,supports"
        if chance.random() < 0.2:
            wanted["include"] = "benchmarks,history,pricing"
        yield url("models", page=chance.choice((1, 1, 2, 40)), pageSize=20, **wanted)


def other_questions(chance: random.Random, models: list[Json], names: list[str]) -> Iterator[str]:
    for model in chance.sample(models, 25):
        yield url(f"models/{quote(model['id'])}", include="benchmarks,history")
        yield url("pricing", model=model["id"], knownAt=NOW.isoformat())
    for model in chance.sample(models, 10):
        yield url(f"models/{quote(model['id'])}x")
        yield url("pricing", asOf=chance.choice(DAYS), page=chance.randint(1, 5), pageSize=10)
        yield url("changes", model=model["id"])
        ids = ",".join(m["id"] for m in chance.sample(models, 5))
        yield url("compare", ids=ids, inputTokens=12_345, outputTokens=678)
    for name in names:
        yield url("benchmarks", name=name, pageSize=30, page=chance.choice((1, 2)))
    for word in WORDS:
        yield url("search", q=word, pageSize=30)


async def test_questions(loaded: Sites) -> None:
    catalog = (await loaded.get("/v1/catalog")).json()["data"]
    scores = (await loaded.get("/v1/benchmarks?pageSize=500")).json()["data"]
    chance = random.Random(2026)
    names = sorted({score["benchmarkName"] for score in scores})[:8]
    urls = [
        *model_lists(chance, catalog["models"]),
        *other_questions(chance, catalog["models"], names),
    ]
    assert len(urls) > 200
    found = [json.loads((await loaded.get(url)).text) for url in urls]
    assert sum(bool(answer["data"]) for answer in found) > 120
