"""Generated catalogues: all engines give the same bytes, and those are what Python expects."""

from __future__ import annotations

import json
import random
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.catalog import STEPS, Step
from tests.engines import Server
from tests.expected import World
from tests.parity.conftest import sites
from tests.parity.edits import edit
from tests.parity.generated import questions, steps

pytestmark = pytest.mark.anyio

EVERYTHING = (
    "/v1/models?deprecated=any&pageSize=500&include=pricing,benchmarks,history",
    "/v1/changes?limit=1000",
)


@settings(
    max_examples=30,
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
@given(steps=steps(), asked=questions)
async def test_all_engines_give_the_same_bytes(
    all_servers: list[Server], steps: list[Step], asked: tuple[str, ...]
) -> None:
    async with sites(all_servers, steps) as all_sites:
        for url in (*EVERYTHING, *asked):
            await all_sites.get(url)
        models = json.loads((await all_sites.get(EVERYTHING[0])).text, parse_float=Decimal)
    world = World(steps)
    expected = world.listed({"deprecated": "any"})
    assert [model["id"] for model in models["data"]] == expected
    for id, model in zip(expected, models["data"], strict=True):
        beside = {"benchmarks": world.scores_of(id), "history": world.history(id)}
        assert model == world.detail(id) | beside


@settings(max_examples=6, derandomize=True, deadline=None, database=None, phases=(Phase.generate,))
@given(seed=st.integers(0, 1000), asked=questions)
async def test_edits_by_hand_leave_the_same_behind(
    all_servers: list[Server], seed: int, asked: tuple[str, ...]
) -> None:
    """Triggers of both dialects: the log, the listing and all that is read from them."""
    chance = random.Random(seed)
    edits = [[edit(chance) for _ in range(chance.randint(1, 12))] for _ in range(6)]
    async with sites(all_servers, STEPS, edits) as all_sites:
        for url in (*EVERYTHING, *asked):
            await all_sites.get(url)
