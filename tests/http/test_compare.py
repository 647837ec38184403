"""`GET /v1/compare`: models side by side, the best of each row, the cost of a workload."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.catalog import COPILOT, EMPTY, FLASH, GLM, GPT, MINI, O3, OPUS, PRO, PRO_FREE, SONNET
from tests.expected import Json, World
from tests.http.conftest import Api

pytestmark = pytest.mark.anyio

LOWER = ("inputPrice", "outputPrice", "cachedInputPrice", "cost", "benchmarks.latency-p50")


def best(columns: list[Json]) -> dict[str, list[str]]:
    """Per row the winners in the order asked for, where two values differ at all."""
    rows: dict[str, dict[str, Decimal | int | str | None]] = {}
    for column in columns:
        id, price = column["id"], column["pricing"] or {}
        values = {n: column[n] for n in ("contextWindow", "maxOutput", "releaseDate", "cost")}
        values |= {"knowledgeCutoff": column["knowledgeCutoff"]}
        values |= {n: price.get(n) for n in ("inputPrice", "outputPrice", "cachedInputPrice")}
        values |= {f"benchmarks.{s['benchmarkName']}": s["score"] for s in column["benchmarks"]}
        for row, value in values.items():
            if value is not None:
                rows.setdefault(row, {})[id] = value
    found = {}
    for row, by_id in rows.items():
        figures: list[Decimal] = list(by_id.values())  # type: ignore[arg-type]
        winner = min(figures) if row in LOWER else max(figures)
        if len(set(figures)) > 1:
            found[row] = [id for id, figure in by_id.items() if figure == winner]
    return found


@pytest.mark.parametrize(
    "ids",
    [
        (SONNET,),
        (SONNET, PRO, GPT),
        (GPT, PRO, SONNET),
        (PRO, PRO_FREE, EMPTY, GLM, COPILOT),
        (FLASH, MINI, SONNET, OPUS, O3),
        (SONNET, SONNET, OPUS),
    ],
)
async def test_side_by_side(api: Api, world: World, ids: tuple[str, ...]) -> None:
    data = await api.data("compare", ids=",".join(ids))
    columns = [
        world.detail(id) | {"benchmarks": world.scores_of(id), "cost": None}
        for id in dict.fromkeys(ids)
    ]
    assert data["models"] == columns
    assert data["best"] == best(columns)


# Model, input, output and cached tokens, dollars.
COSTS: tuple[tuple[str, int | None, int | None, int | None, str | None], ...] = (
    (SONNET, 1_000_000, 0, None, "3"),
    (SONNET, 1_000_000, 200_000, None, "6"),
    (SONNET, 1_000_000, 200_000, 1_000_000, "3.3"),
    (SONNET, 1, 1, 1, "0.0000153"),
    (OPUS, 1_000_000, None, 500_000, "12"),
    (PRO_FREE, 1_000_000_000_000, 5, None, "0"),
    (EMPTY, 1, 1, None, None),
    (GLM, 1, None, None, None),
    (COPILOT, None, 1, None, None),
    (SONNET, 0, 0, 0, "0"),
    (SONNET, 1_000_000_000_000, 1_000_000_000_000, None, "18000000"),
)


@pytest.mark.parametrize(("id", "tokens_in", "tokens_out", "cached", "cost"), COSTS)
async def test_the_cost_of_a_workload(
    api: Api,
    id: str,
    tokens_in: int | None,
    tokens_out: int | None,
    cached: int | None,
    cost: str | None,
) -> None:
    asked = {"inputTokens": tokens_in, "outputTokens": tokens_out, "cachedInputTokens": cached}
    params = {name: tokens for name, tokens in asked.items() if tokens is not None}
    data = await api.data("compare", ids=id, **params)
    assert data["models"][0]["cost"] == (cost and Decimal(cost))
    assert data["best"] == {}


async def test_the_cheapest_for_a_workload(api: Api, world: World) -> None:
    data = await api.data(
        "compare", ids=f"{GPT},{PRO},{MINI},{EMPTY}", inputTokens=1_000_000, outputTokens=1_000_000
    )
    assert [model["cost"] for model in data["models"]] == [
        Decimal("11.25"), Decimal("10.8"), Decimal("1.8"), None,
    ]  # fmt: skip
    assert data["best"]["cost"] == [MINI]
    assert data["best"] == best(data["models"])


async def test_whoever_is_missing_is_named_with_the_nearest(api: Api) -> None:
    ids = f"{SONNET},anthropic/claude-sonet,no/such"
    error = await api.refused("compare", 404, ids=ids)
    assert error["code"] == "not_found"
    assert error["details"]["missing"] == ["anthropic/claude-sonet", "no/such"]
    assert SONNET in error["details"]["nearest"]["anthropic/claude-sonet"]


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({}, "ids is required"),
        ({"ids": ",".join([SONNET] * 21)}, "ids has 21 values"),
        ({"ids": SONNET, "inputTokens": "-1"}, "inputTokens"),
        ({"ids": SONNET, "cachedInputTokens": "1"}, "cachedInputTokens"),
        ({"ids": SONNET, "asOf": "2026-01-01"}, "asOf"),
    ],
)
async def test_bad_parameters_are_named(api: Api, params: dict[str, str], word: str) -> None:
    assert word in (await api.refused("compare", **params))["message"]
