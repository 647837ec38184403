"""The application in the test's own event loop, over a small catalogue in a SQLite file."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import apsw
import httpx
import pytest

from service.app import create_app
from service.http.asgi import App
from service.http.endpoint import Endpoint
from service.http.routes import ENDPOINTS
from service.settings import Settings
from service.storage import migrate
from service.storage.database import DatabaseOptions
from service.storage.opening import open_database

NOON = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)

CATALOGUE = """
INSERT INTO providers (id, name, website) VALUES
  ('anthropic', 'Anthropic', 'https://www.anthropic.com'),
  ('google', 'Google', NULL),
  ('openrouter', '=OpenRouter', NULL);
INSERT INTO models (id, provider_id, model_id, name, mode, context_window, max_output,
    input_modalities, output_modalities, supports_vision, supports_tools, release_date, deprecated,
    canonical) VALUES
  ('anthropic/claude-sonnet-4-5', 'anthropic', 'claude-sonnet-4-5', 'Claude Sonnet 4.5', 'chat',
    200000, 64000, 'image,pdf,text', 'text', 1, 1, '2025-09-29', 0, 'anthropic/claude-sonnet-4-5'),
  ('anthropic/claude-2', 'anthropic', 'claude-2', 'Claude 2', 'chat',
    100000, 4096, 'text', 'text', 0, 0, '2023-07-11', 1, NULL),
  ('google/gemini-2.5-pro', 'google', 'gemini-2.5-pro', 'Gemini 2.5 Pro', 'chat',
    1048576, 65536, 'audio,image,pdf,text,video', 'text', 1, 1, '2025-06-17', 0,
    'google/gemini-2.5-pro'),
  ('openrouter/google/gemini-2.5-pro:free', 'openrouter', 'google/gemini-2.5-pro:free',
    'Gemini 2.5 Pro (free)', 'chat', NULL, NULL, 'text', 'text', NULL, NULL, NULL, 0,
    'google/gemini-2.5-pro'),
  ('openrouter/@preset/x', 'openrouter', '@preset/x', '@SUM(1)', 'other', NULL, NULL, '', '',
    NULL, NULL, NULL, 0, NULL);
INSERT INTO pricing (model_id, input_price_per_million, output_price_per_million,
    cached_input_price, effective_date, service_tier, state) VALUES
  ('anthropic/claude-sonnet-4-5', 3000000000, 15000000000, 100, '2025-09-29', 'standard', 'paid'),
  ('anthropic/claude-sonnet-4-5', 1500000000, 7500000000, NULL, '2025-09-29', 'batch', 'paid'),
  ('anthropic/claude-sonnet-4-5', 2500000000, 12500000000, NULL, '2027-01-01', 'standard', 'paid'),
  ('google/gemini-2.5-pro', 1250000000, 10000000000, 310000000, '2025-06-17', 'standard', 'paid'),
  ('openrouter/google/gemini-2.5-pro:free', 0, 0, NULL, '2025-06-17', 'standard', 'free');
INSERT INTO benchmarks (model_id, benchmark_name, score, unit) VALUES
  ('anthropic/claude-sonnet-4-5', 'arena-overall', 1451000000000, 'elo'),
  ('google/gemini-2.5-pro', 'arena-overall', 1452500000000, 'elo');
"""


def make_catalogue(path: Path) -> str:
    """Make the database and give its URL."""
    url = f"file:{path}"

    async def up() -> None:
        database = open_database(url, DatabaseOptions(read_only=False, create=True))
        try:
            await migrate.up(database, migrate.load(migrate.folder(database.engine)))
        finally:
            await database.close()

    asyncio.run(up())
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(CATALOGUE)
    return url


def make_app(url: str, **settings: Any) -> App:
    """The application on a database, at noon of a fixed day."""
    return create_app(Settings(database_url=url, region="fra", **settings), clock=lambda: NOON)


@asynccontextmanager
async def running(app: App) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that has started, and shuts down afterwards."""
    inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    outbox: asyncio.Queue[Any] = asyncio.Queue()
    task = asyncio.create_task(app({"type": "lifespan", "state": {}}, inbox.get, outbox.put))
    await inbox.put({"type": "lifespan.startup"})
    assert (await outbox.get())["type"] == "lifespan.startup.complete"
    try:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client
    finally:
        await inbox.put({"type": "lifespan.shutdown"})
        await outbox.get()
        await task


async def watching(client: httpx.AsyncClient) -> None:
    """Return once the service has looked at the revision, which such a question has it do."""
    response = await client.get("/v1/status", headers={"min-revision": "0"})
    assert response.status_code == 200, response.text


def _example(endpoint: Endpoint) -> str:
    query = httpx.QueryParams(dict(endpoint.asks))
    return endpoint.path.replace("{id}", endpoint.id or "") + (f"?{query}" if query else "")


# For every endpoint a path with a query that has an answer, and one that ends.
PATHS = tuple(_example(one) for one in ENDPOINTS if not one.endless)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with the small catalogue, which nothing writes to."""
    return make_catalogue(tmp_path_factory.mktemp("catalogue") / "catalogue.db")


@pytest.fixture
async def client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application over it."""
    async with running(make_app(url)) as client:
        yield client
