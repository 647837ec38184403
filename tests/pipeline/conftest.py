"""The real application over each engine in turn, empty, with a token of each scope."""

from __future__ import annotations

import datetime
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import httpx
import pytest

from service.app import create_app
from service.application import tokens
from service.settings import Settings
from service.storage.database import Database, Statement
from tests.catalog import NOW
from tests.databases import copied, writing
from tests.engines import Engine, Server
from tests.http.client import running

Json = dict[str, Any]


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime.datetime:
        return self.now


class Writer:
    """A client with a token, which reads JSON with exact decimals."""

    def __init__(self, client: httpx.AsyncClient, clock: Clock, admin: str, pipeline: str) -> None:
        self.client, self.clock = client, clock
        self.admin, self.pipeline = admin, pipeline
        # Of the last write: reads wait for it.
        self.revision = "0"

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        status: int = 200,
        token: str | None = "admin",
        **headers: str,
    ) -> Json:
        """The answer; raises where it has another status."""
        response = await self.raw(method, path, body, token=token, **headers)
        assert response.status_code == status, (method, path, response.status_code, response.text)
        answer: Json = json.loads(response.text, parse_float=Decimal)
        return answer

    async def raw(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = "admin",
        **headers: str,
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            named["authorization"] = f"Bearer {getattr(self, token, token)}"
        if method == "GET":
            named["min-revision"] = self.revision
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        response = await self.client.request(method, f"/v1/{path}", content=content, headers=named)
        self.revision = response.headers.get("x-revision", self.revision)
        return response

    async def ingest(self, body: Json, status: int = 200, **headers: str) -> Any:
        """The data, or the error, of an ingest in one call."""
        answer = await self.send(
            "POST", "pipeline/ingest", body, status=status, token="pipeline", **headers
        )
        return answer["data"] if status == 200 else answer["error"]

    async def get(self, path: str) -> Any:
        return (await self.send("GET", path))["data"]


@asynccontextmanager
async def serving(
    engine: Engine, clock: Clock, **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application that reads and writes a database."""
    apart = engine.reader_url != engine.writer_url
    made = Settings(
        database_url=engine.reader_url,
        database_token=engine.reader_token if apart else engine.writer_token,
        primary_database_url=engine.writer_url if apart else None,
        primary_database_token=engine.writer_token if apart else None,
        database_deadline=30.0,
        watch_interval=0.02,
        **settings,
    )
    async with running(create_app(made, clock=clock)) as client:
        yield client


@pytest.fixture
async def database(server: Server) -> AsyncIterator[Engine]:
    """An empty database with the schema."""
    async with copied(server, "empty") as engine:
        yield engine


@pytest.fixture
def clock() -> Clock:
    return Clock()


@asynccontextmanager
async def writer_of(engine: Engine, clock: Clock, **settings: Any) -> AsyncIterator[Writer]:
    """A client of a new process of the service, with new tokens."""
    async with writing(engine) as db:
        names = [f"{scope}-{id(settings)}" for scope in ("admin", "pipeline")]
        admin = await tokens.create(db, names[0], "admin", clock())
        pipeline = await tokens.create(db, names[1], "pipeline", clock())
    async with serving(engine, clock, **settings) as client:
        yield Writer(client, clock, str(admin), str(pipeline))


@pytest.fixture
async def api(database: Engine, clock: Clock) -> AsyncIterator[Writer]:
    async with writer_of(database, clock) as writer:
        yield writer


@pytest.fixture
async def stored(database: Engine) -> AsyncIterator[Database]:
    """The database, as whoever writes sees it."""
    async with writing(database) as db:
        yield db


async def rows(db: Database, sql: str, **params: Any) -> list[tuple[Any, ...]]:
    [found] = await db.fetch(Statement("test", sql, params))
    return list(found)


MODEL = {"providerId": "acme", "modelId": "one", "name": "One"}
CATALOG: Json = {"providers": [{"id": "acme", "name": "Acme"}], "models": [MODEL]}


def price(day: str = "2026-01-01", **values: Any) -> Json:
    return {"modelId": "acme/one", "effectiveDate": day, **values}
