"""Each read costs one round trip to the database, whatever it includes."""

from __future__ import annotations

import datetime
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlencode

import pytest

from service.http.params import parse
from service.http.reply import Stream
from service.http.routes import ENDPOINTS, find
from service.settings import Settings
from service.storage import export, libsql
from service.storage.database import Database, DatabaseOptions, Row, Statement
from service.storage.opening import open_database
from service.storage.snapshot import SNAPSHOT
from tests.catalog import GPT, NOW, SONNET
from tests.databases import copied
from tests.engines import Engine, Server
from tests.storage.test_database import counting_proxy

pytestmark = pytest.mark.anyio

EVERYTHING = {"include": "pricing,benchmarks,history"}
# Beside the example of each endpoint: what includes, filters and derives the most.
QUESTIONS: tuple[tuple[str, dict[str, str]], ...] = (
    *((one.path.replace("{id}", one.id or ""), dict(one.asks)) for one in ENDPOINTS
      if one.path.startswith("/v1/") and not one.endless and "/export/" not in one.path),
    ("/v1/models", EVERYTHING | {"facets": "provider,family,mode,supports", "sort": "-inputPrice"}),
    ("/v1/models", EVERYTHING | {"q": "claude 4", "facets": "supports", "page": "2"}),
    ("/v1/models", EVERYTHING | {"asOf": "2025-12-31", "sort": "-score", "benchmark": "mmlu"}),
    ("/v1/models", {"q": "none such", "facets": "provider"}),
    (f"/v1/models/{SONNET}", EVERYTHING),
    (f"/v1/models/{SONNET}", EVERYTHING | {"asOf": "2025-12-31"}),
    ("/v1/pricing", {"model": SONNET, "knownAt": "2026-01-01T00:00:00Z"}),
    ("/v1/pricing", {"asOf": "2026-01-01"}),
    ("/v1/benchmarks", {"name": "arena-overall", "page": "2", "pageSize": "2"}),
    ("/v1/compare", {"ids": f"{SONNET},{GPT},google/gemini-2.5-pro", "inputTokens": "9"}),
    ("/v1/search", {"q": "智"}),
    ("/v1/search", {"q": "claude o 4", "page": "2"}),
    ("/v1/changes", {"table": "pricing", "kind": "price_changed", "model": SONNET}),
)  # fmt: skip


class Counting:
    """A database that counts its calls."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.engine = database.engine
        self.calls = 0

    async def fetch(self, *statements: Statement) -> list[list[Row]]:
        self.calls += 1
        return await self.database.fetch(*statements)


@asynccontextmanager
async def counted(engine: Engine) -> AsyncIterator[tuple[Counting, Callable[[], int]]]:
    """A reader that counts its calls, and how many round trips went over the network."""
    found = re.search(r":(\d+)", engine.reader_url)
    port = int(found[1]) if found else 0
    proxy = counting_proxy(port) if port else nullcontext((0, lambda: -1))
    async with proxy as (through, trips):
        database = open_database(
            engine.reader_url.replace(str(port), str(through)) if port else engine.reader_url,
            DatabaseOptions(token=engine.reader_token, deadline=20, pool_size=1),
        )
        try:
            await database.fetch(SNAPSHOT)
            yield Counting(database), trips
        finally:
            await database.close()


async def ask(
    reader: Counting, path: str, params: dict[str, str], now: datetime.datetime = NOW
) -> Any:
    """What the endpoint at a path answers, without anything kept in front of it."""
    found = find(path)
    assert found
    endpoint, id = found
    service = SimpleNamespace(
        reader=reader,
        primary=None,
        settings=Settings(),
        clock=lambda: now,
        front=SimpleNamespace(cache=None),
        streams=None,
        metrics=SimpleNamespace(sent_until=None),
        watch=None,
    )
    query = parse(endpoint.query, urlencode(params).encode())
    reply = await endpoint.ask(cast(Any, service), query, id)
    if isinstance(reply, Stream):
        return b"".join([page async for page in reply.pages])
    return reply


async def test_one_call_and_one_round_trip(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libsql, "_STREAM_SECONDS", 60)  # the end of one is a trip of its own
    async with copied(server, "seeded") as engine:
        server.settle(engine)
        async with counted(engine) as (reader, trips):
            for path, params in QUESTIONS:
                calls, before = reader.calls, trips()
                await ask(reader, path, params)
                assert reader.calls == calls + 1, (path, params)
                assert server.name == "sqlite" or trips() == before + 1, (path, params)


async def test_an_export_takes_one_for_its_tag_and_one_for_each_piece(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PIECE", 10)
    async with copied(server, "seeded") as engine:
        server.settle(engine)
        async with counted(engine) as (reader, _):
            for table, pieces in (("providers", 2), ("pricing", 3), ("benchmarks", 2)):
                calls = reader.calls
                lines = (await ask(reader, f"/v1/export/{table}.csv", {})).count(b"\r\n")
                assert reader.calls - calls == 1 + pieces
                assert 10 * (pieces - 1) <= lines - 1 < 10 * pieces


async def test_on_a_day_that_no_write_has_reached_yet_there_is_a_second_one(
    server: Server,
) -> None:
    """Today's prices are then looked up in the history; those of another day always are."""
    tomorrow = NOW + datetime.timedelta(days=1)
    async with copied(server, "seeded") as engine:
        server.settle(engine)
        async with counted(engine) as (reader, _):
            for params, calls in (
                ({}, 2),
                ({"asOf": "2026-11-23"}, 2),
                ({"asOf": "2026-11-22"}, 1),
            ):
                before = reader.calls
                await ask(reader, "/v1/models", params, tomorrow)
                assert reader.calls - before == calls
