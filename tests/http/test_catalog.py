"""`GET /v1/catalog`: everything in one document."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from contextlib import closing
from pathlib import Path

import apsw
import msgspec
import pytest

from service.domain.answers import Answer
from service.domain.catalog import Catalog
from service.http.reply import encode
from tests.expected import World
from tests.http.client import make_app, make_catalogue, running
from tests.http.conftest import Api

pytestmark = pytest.mark.anyio


async def test_everything_by_id_with_todays_prices(api: Api, world: World) -> None:
    answer = await api.get("catalog")
    assert answer["data"]["providers"] == world.providers
    assert answer["data"]["models"] == [world.detail(model["id"]) for model in world.models]
    assert answer["meta"]["revision"] == (await api.get("status"))["data"]["revision"]


async def test_it_has_no_parameters(api: Api) -> None:
    assert "provider" in (await api.refused("catalog", provider="google"))["message"]


async def test_others_are_answered_while_it_is_made(tmp_path: Path) -> None:
    url = await asyncio.to_thread(make_catalogue, tmp_path / "a.db")
    with closing(apsw.Connection(url.removeprefix("file:"))) as connection:
        connection.execute(
            """
            INSERT INTO models (id, provider_id, model_id, name)
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
            SELECT 'google/m' || i, 'google', 'm' || i, 'Model "models":[] ' || i FROM n
            """
        )
    for _ in range(5):  # the machine may hold everybody up for a moment
        async with running(make_app(url)) as client:
            begin = time.perf_counter()
            making = asyncio.create_task(client.get("/v1/catalog"))
            answered = [begin]
            while not making.done():
                assert (await client.get("/health/live")).status_code == 200
                answered.append(time.perf_counter())
                await asyncio.sleep(0)
            response = await making
        longest = max(b - a for a, b in itertools.pairwise(answered))
        if longest < (answered[-1] - begin) / 4:
            break
    assert longest < (answered[-1] - begin) / 4, "nobody waits for the whole of it"
    answer = json.loads(response.content)
    assert len(answer["data"]["models"]) == 6005
    whole = msgspec.json.decode(response.content, type=Answer[Catalog])
    assert encode(whole) == response.content, "the same bytes as encoded at once"
