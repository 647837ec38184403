"""The real application over each engine in turn, with the catalogue of the tests in it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import httpx
import pytest

from service.app import create_app
from service.settings import Settings
from tests.catalog import NOW
from tests.databases import copied
from tests.engines import Engine, Server
from tests.expected import Json, World
from tests.http.client import client, running, url

__all__ = ["client", "url"]  # fixtures


@asynccontextmanager
async def serving(engine: Engine, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application that reads a database, at the noon of `NOW`."""
    made = Settings(
        database_url=engine.reader_url,
        database_token=engine.reader_token,
        database_deadline=30.0,
        **settings,
    )
    async with running(create_app(made, clock=lambda: NOW)) as client:
        yield client


class Api:
    """A client that reads JSON with exact decimals and wants success unless told otherwise."""

    def __init__(self, client: httpx.AsyncClient, engine: str) -> None:
        self.client = client
        self.engine = engine

    async def get(self, path: str, params: Json | None = None, status: int = 200) -> Json:
        """The whole answer."""
        response = await self.client.get(f"/v1/{path}", params=params)
        assert response.status_code == status, (path, params, response.text)
        answer: Json = json.loads(response.text, parse_float=Decimal)
        return answer

    async def data(self, path: str, **params: Any) -> Any:
        return (await self.get(path, params))["data"]

    async def ids(self, path: str, params: Json | None = None) -> list[str]:
        return [row["id"] for row in (await self.get(path, params))["data"]]

    async def refused(self, path: str, status: int = 400, /, **params: Any) -> Json:
        """The error of an answer without data."""
        answer = await self.get(path, params, status)
        assert answer["data"] is None
        error: Json = answer["error"]
        return error


@pytest.fixture(scope="session")
async def api(server: Server) -> AsyncIterator[Api]:
    async with copied(server, "seeded") as engine:
        server.settle(engine)
        async with serving(engine) as client:
            yield Api(client, server.name)


@pytest.fixture(scope="session")
def world() -> World:
    return World()
