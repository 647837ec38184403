"""`GET /v1/catalog`: everything in one document."""

from __future__ import annotations

import pytest

from tests.expected import World
from tests.http.conftest import Api

pytestmark = pytest.mark.anyio


async def test_everything_by_id_with_todays_prices(api: Api, world: World) -> None:
    answer = await api.get("catalog")
    assert answer["data"]["providers"] == world.providers
    assert answer["data"]["models"] == [world.detail(model["id"]) for model in world.models]
    assert answer["meta"]["revision"] == (await api.get("status"))["data"]["revision"]


async def test_it_has_no_parameters(api: Api) -> None:
    assert "provider" in (await api.refused("catalog", provider="google"))["message"]
