"""`GET /v1/export/{table}.csv`: the rows of the lists, as a spreadsheet reads them."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from service.app import create_app
from service.settings import Settings
from service.storage import export
from service.storage.database import Statement
from tests.catalog import GPT, NOW, SONNET
from tests.databases import copied, writing
from tests.engines import Server
from tests.expected import Json, World
from tests.http.client import running
from tests.http.conftest import Api
from tests.http.test_pricing import wanted

pytestmark = pytest.mark.anyio

DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def cell(value: Any) -> str:
    """What a spreadsheet has to see of a value."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list():
            return ",".join(value)
        case Decimal():
            return format(value.normalize(), "f")
        case str() if value.startswith(DANGEROUS):
            return f"'{value}"
    return str(value)


async def rows(api: Api, table: str, **params: Any) -> list[dict[str, str]]:
    response = await api.client.get(f"/v1/export/{table}.csv", params=params)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/csv")
    assert response.headers["content-disposition"] == f'attachment; filename="{table}.csv"'
    assert "\n" not in response.text.replace("\r\n", "")
    return list(csv.DictReader(io.StringIO(response.text, newline="")))


def as_csv(expected: Iterable[Json]) -> list[dict[str, str]]:
    return [{name: cell(value) for name, value in row.items()} for row in expected]


async def check(api: Api, table: str, expected: Iterable[Json], key: str, **params: Any) -> None:
    assert await rows(api, table, **params) == as_csv(sorted(expected, key=lambda r: r[key]))


async def test_whole_tables(api: Api, world: World) -> None:
    await check(api, "providers", world.providers, "id")
    await check(api, "models", world.models, "id", deprecated="any")
    await check(api, "pricing", world.prices, "id")
    await check(api, "benchmarks", world.scores, "id")


async def test_columns_are_named_as_in_json_in_its_order(api: Api) -> None:
    for table in ("models", "pricing", "benchmarks", "providers"):
        [first, *_] = await rows(api, table)
        [row, *_] = await api.data(table)
        own = [n for n in row if n in first]
        assert list(first) == own


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"q": "claude"},
        {"provider": "openai,openrouter", "deprecated": "any"},
        {"supports": "vision", "minContext": "400000"},
        {"maxInputPrice": "1.25", "asOf": "2025-12-31"},
        {"benchmark": "arena-overall", "minScore": "1451"},
        {"q": "none such"},
    ],
)
async def test_models_under_the_filters_of_the_list(
    api: Api, world: World, query: dict[str, str]
) -> None:
    models = [world.model[id] for id in world.listed(query)]
    await check(api, "models", models, "id", **query)


@pytest.mark.parametrize(
    "query",
    [{"model": SONNET}, {"model": GPT, "serviceTier": "batch"}, {"asOf": "2026-01-01"},
     {"from": "2025-08-01", "to": "2025-08-31"}, {"model": "no/such"}],
)  # fmt: skip
async def test_prices_under_the_filters_of_the_history(
    api: Api, world: World, query: dict[str, str]
) -> None:
    await check(api, "pricing", wanted(world.prices, query), "id", **query)


async def test_prices_as_they_were_believed(api: Api) -> None:
    query = {"model": "google/gemini-2.5-pro", "knownAt": "2025-12-31T00:00:00Z"}
    expected = await api.data("pricing", **query)
    await check(api, "pricing", expected, "id", **query)


async def test_scores_under_the_filters_of_the_list(api: Api, world: World) -> None:
    for name, model in (("mmlu", None), (None, SONNET), ("penalty", GPT)):
        expected = [
            score
            for score in world.scores
            if score["benchmarkName"] == (name or score["benchmarkName"])
            and score["modelId"] == (model or score["modelId"])
        ]
        params = {"name": name} if name else {}
        await check(
            api, "benchmarks", expected, "id", **params, **({"model": model} if model else {})
        )


async def test_formulas_are_made_inert(api: Api) -> None:
    names = {row["id"]: row["name"] for row in await rows(api, "models")}
    assert names["openrouter/@preset/x"] == "'@SUM(1+1)"
    assert names["mistral/8b@2024.10"] == "'-Ministral 8B"
    providers = {row["id"]: row["name"] for row in await rows(api, "providers")}
    assert providers["openrouter"] == "'=OpenRouter"
    scores = [row["score"] for row in await rows(api, "benchmarks", name="penalty")]
    assert sorted(scores) == ["-12.5", "-12.5", "0"]


async def test_rows_come_in_pieces(api: Api, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for piece in (1, 3, len(world.prices)):
        monkeypatch.setattr(export, "PIECE", piece)
        await check(api, "pricing", world.prices, "id")
        await check(api, "models", world.models, "id", deprecated="any")


async def test_bad_parameters_and_unknown_tables(api: Api) -> None:
    for table, params, word in (
        ("models", {"page": 1}, "page"),
        ("models", {"sort": "name"}, "sort"),
        ("providers", {"q": "x"}, "q"),
        ("pricing", {"asOf": "x"}, "asOf"),
        ("benchmarks", {"fields": "id"}, "fields"),
    ):
        assert word in (await api.refused(f"export/{table}.csv", **params))["message"]
    for table in ("pipeline_runs", "changes", "listing"):
        error = await api.refused(f"export/{table}.csv", 404)
        assert error["code"] == "not_found"


async def test_what_a_client_has_is_not_sent_again(server: Server) -> None:
    """The tag is of the state, the question and the day: the bytes depend on nothing else."""
    now = NOW
    async with copied(server, "seeded") as engine, writing(engine) as database:
        server.settle(engine)
        made = Settings(
            database_url=engine.reader_url,
            database_token=engine.reader_token,
            database_deadline=30.0,
        )
        async with running(create_app(made, clock=lambda: now)) as client:

            async def ask(query: str, tag: str = "", method: str = "GET") -> httpx.Response:
                headers = {"if-none-match": tag} if tag else {}
                return await client.request(
                    method, f"/v1/export/models.csv?{query}", headers=headers
                )

            first = await ask("provider=openai,anthropic")
            tag = first.headers["etag"]
            assert first.status_code == 200
            assert tag.startswith(f'"{first.headers["x-revision"]}-')
            head = await ask("provider=openai,anthropic", method="HEAD")
            assert (head.status_code, head.headers["etag"], head.content) == (200, tag, b"")
            for spelled in ("provider=openai,anthropic", "provider=anthropic%2Copenai"):
                again = await ask(spelled, tag)
                assert (again.status_code, again.content) == (304, b"")
                assert again.headers["etag"] == tag
                assert (await ask(spelled)).content == first.content
            tags = {tag}
            for query in ("", "provider=openai", "provider=openai,anthropic&deprecated=any"):
                other = await ask(query, tag)
                assert other.status_code == 200
                tags.add(other.headers["etag"])
            now += datetime.timedelta(days=1)
            tags.add((await ask("provider=openai,anthropic", tag)).headers["etag"])
            now = NOW
            sql = f"UPDATE models SET name = 'New' WHERE id = '{SONNET}'"
            await database.batch(Statement("test", sql))
            server.settle(engine)
            changed = await ask("provider=openai,anthropic", tag)
            assert changed.status_code == 200
            assert changed.content != first.content
            assert len({*tags, changed.headers["etag"]}) == 6
