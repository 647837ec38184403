"""`GET /v1/pricing`: history, what applied on a day, what was believed at a moment."""

from __future__ import annotations

import datetime
from itertools import product

import pytest

from tests.catalog import DAVINCI, GPT, LOST, MINI, OPUS, PRO, SONNET, STEPS, moment
from tests.expected import Json, World, page, stamp
from tests.http.conftest import Api

pytestmark = pytest.mark.anyio

TIERS = ("standard", "batch", "flex", "priority")


def wanted(prices: list[Json], query: dict[str, str]) -> list[Json]:
    """The prices that the parameters leave."""
    kept = [
        price
        for price in prices
        if query.get("model", price["modelId"]) == price["modelId"]
        and query.get("serviceTier", price["serviceTier"]) == price["serviceTier"]
        and query.get("from", "") <= price["effectiveDate"]
        and price["effectiveDate"] <= query.get("to", "9999")
        and price["effectiveDate"] <= query.get("asOf", "9999")
    ]
    if "asOf" in query:
        newest: dict[tuple[str, str, int], Json] = {}
        for price in kept:
            series = price["modelId"], price["serviceTier"], price["contextThreshold"]
            newest.setdefault(series, price)
        kept = [price for price in kept if price in newest.values()]
    return kept


async def check(api: Api, world: World, query: dict[str, str]) -> None:
    expected = wanted(world.prices, query)
    answer = await api.get("pricing", query)
    assert answer["data"] == expected, query
    assert answer["meta"]["total"] == len(expected)


async def test_all_prices_newest_first(api: Api, world: World) -> None:
    await check(api, world, {})


@pytest.mark.parametrize("model", [SONNET, GPT, PRO, "openrouter/@preset/x", DAVINCI, LOST, "no"])
async def test_one_model_under_every_filter(api: Api, world: World, model: str) -> None:
    spans: tuple[dict[str, str], ...] = (
        {}, {"from": "2025-06-17"}, {"to": "2025-09-28"},
        {"from": "2025-08-07", "to": "2025-09-29"},
        {"asOf": "2025-08-06"}, {"asOf": "2026-06-01"}, {"asOf": "2030-01-01"},
    )  # fmt: skip
    for span, tier in product(spans, (None, *TIERS)):
        query = {"model": model} | span | ({"serviceTier": tier} if tier else {})
        await check(api, world, query)


@pytest.mark.parametrize("day", ["2024-12-31", "2025-06-17", "2026-11-22", "2027-01-01"])
async def test_a_day_over_the_whole_catalogue(api: Api, world: World, day: str) -> None:
    await check(api, world, {"asOf": day})
    await check(api, world, {"asOf": day, "serviceTier": "standard"})


async def test_pages(api: Api, world: World) -> None:
    for number in range(1, 7):
        answer = await api.get("pricing", {"page": number, "pageSize": 5})
        assert answer["data"] == page(world.prices, number, 5)
        assert answer["meta"]["total"] == len(world.prices)


def believed(steps: int, query: dict[str, str]) -> list[Json]:
    """Prices as they were known after so many steps; `updatedAt` is the time of the log."""
    return wanted(World(STEPS[:steps]).prices, query)


MOMENTS = (
    ("2020-01-01T00:00:00Z", 0),
    ("2025-10-01T07:59:59.999Z", 0),
    ("2025-10-01T08:00:00Z", 1),
    ("2025-10-01T09:00:00+01:00", 1),
    ("2026-03-01T09:30:00.249Z", 1),
    ("2026-03-01T09:30:00.250Z", 2),
    ("2026-11-22T12:00:00Z", 4),
    ("2040-01-01T00:00:00+14:00", 4),
)


@pytest.mark.parametrize(("at", "steps"), MOMENTS)
async def test_what_was_believed(api: Api, at: str, steps: int) -> None:
    for more in (
        {}, {"asOf": "2025-12-31"}, {"asOf": "2027-06-01"}, {"from": "2025-06-18"},
        {"serviceTier": "batch"}, {"to": "2025-07-01", "serviceTier": "standard"},
    ):  # fmt: skip
        for model in (SONNET, PRO, OPUS, MINI):
            query = {"model": model, **more}
            expected = believed(steps, query)
            answer = await api.get("pricing", query | {"knownAt": at})
            assert answer["data"] == expected, query
            assert answer["meta"]["total"] == len(expected)


async def test_pages_of_what_was_believed(api: Api) -> None:
    asked = {"model": SONNET, "knownAt": "2026-11-22T12:00:00Z", "pageSize": 3}
    expected = believed(4, {"model": SONNET})
    assert len(expected) == 4
    for number in (1, 2, 3):
        found = await api.data("pricing", page=number, **asked)
        assert found == page(expected, number, 3)


async def test_a_correction_and_a_new_price_are_different_things(api: Api) -> None:
    """Google's price was corrected: the day stays, the belief changes. Opus got a new one."""
    before, after = (stamp(STEPS[i].now - datetime.timedelta(milliseconds=1)) for i in (1, 2))
    for model, day, prices in (
        (PRO, "2025-07-01", ("1.25", "1.2")),
        (OPUS, "2025-09-01", ("15", "15")),
        (OPUS, "2026-04-01", ("15", "12")),
    ):
        found = []
        for at in (before, after):
            rows = await api.data("pricing", model=model, knownAt=at, asOf=day)
            found += [str(r["inputPrice"]) for r in rows if r["contextThreshold"] == 0]
        assert tuple(found) == prices


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"knownAt": "2026-01-01T00:00:00Z"}, "knownAt needs model"),
        ({"model": SONNET, "knownAt": "2026-01-01"}, "knownAt must be a moment"),
        ({"from": "2026-02-01", "to": "2026-01-01"}, "from (2026-02-01) must not be later"),
        ({"asOf": "2026-02-01", "from": "2026-01-01"}, "asOf is one day"),
        ({"serviceTier": "gold"}, "serviceTier must be one of"),
        ({"pageSize": "501"}, "pageSize"),
    ],
)
async def test_bad_parameters_are_named(api: Api, params: dict[str, str], words: str) -> None:
    assert words in (await api.refused("pricing", **params))["message"]


def test_the_moments_lie_around_the_steps() -> None:
    for at, steps in MOMENTS:
        assert sum(step.now <= moment(at) for step in STEPS) == steps
