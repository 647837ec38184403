"""After a write what is asked for most is still kept, as it is now; an old answer never."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from time import monotonic
from typing import Any, cast

import httpx
import pytest

from service.application.cache import BoundedMemory, Cache, Loaded
from service.application.watch import Watch
from service.errors import Unavailable
from service.http.edge import Edge
from service.http.front import Kept
from tests.databases import writing
from tests.engines import Engine
from tests.http.client import watching
from tests.pipeline.conftest import CATALOG, Clock, Writer, price, serving, writer_of

pytestmark = pytest.mark.anyio

MODEL = "/v1/models/acme/one"
QUESTIONS = (MODEL, "/v1/models", "/v1/models?sort=-inputPrice", "/v1/compare?ids=acme/one")
PLAIN = {"accept-encoding": "identity"}


@pytest.fixture
async def beside(database: Engine, clock: Clock) -> AsyncIterator[Writer]:
    """A process that reads where it writes, with one model and its price."""
    there = replace(database, reader_url=database.writer_url, reader_token=database.writer_token)
    async with writer_of(there, clock) as writer:
        await ingest(writer, 1)
        await writer.get("models")  # until the watch has seen it
        yield writer


async def ingest(writer: Writer, dollars: int) -> None:
    await writer.ingest(CATALOG | {"pricing": [price(inputPrice=dollars)]}, source="test")


def cache_of(client: httpx.AsyncClient) -> Cache[Kept]:
    app = cast("Any", client._transport).app
    assert isinstance(app, Edge)
    return app._front.cache


async def ask(client: httpx.AsyncClient, url: str) -> tuple[str, float]:
    """Whether it was kept, and the price."""
    response = await client.get(url, headers=PLAIN)
    assert response.status_code == 200, response.text
    [found] = re.findall(r'"inputPrice":([0-9.]+)', response.text)[:1]
    return response.headers["x-cache"], float(found)


async def edit(writer: Writer, dollars: int) -> None:
    await writer.send("PATCH", "pricing/1", {"inputPrice": dollars})


async def test_no_old_answer_after_the_acknowledgement(beside: Writer) -> None:
    known, stop = 1, False
    seen: list[str] = []

    async def read(url: str) -> None:
        while not stop:
            least = known
            state, dollars = await ask(beside.client, url)
            assert dollars >= least, f"{url} said {dollars} after {least} was acknowledged: {state}"
            seen.append(state)
            await asyncio.sleep(0)

    readers = [asyncio.create_task(read(url)) for url in QUESTIONS for _ in range(5)]
    for dollars in range(2, 22):
        await edit(beside, dollars)
        known = dollars
        await asyncio.sleep(0.01)
    stop = True
    await asyncio.gather(*readers)
    assert seen.count("hit") > 0.9 * len(seen), "renewed, not dropped"


async def test_what_was_asked_for_is_kept_anew_and_the_rest_dropped(beside: Writer) -> None:
    cold = "/v1/models?pageSize=7"
    await ask(beside.client, cold)
    tag = ""
    for dollars in (2, 3):
        for url in QUESTIONS:
            while (await ask(beside.client, url))[0] != "hit":
                pass
        await edit(beside, dollars)
        await beside.get("changes")  # once the watch has seen it too
        misses = cache_of(beside.client).counters.misses
        for url in QUESTIONS:
            assert await ask(beside.client, url) == ("hit", dollars), url
        assert cache_of(beside.client).counters.misses == misses
        answer = await beside.client.get(MODEL, headers=PLAIN | {"if-none-match": tag})
        assert answer.status_code == 200, "another state has another tag"
        assert answer.headers["x-revision"] == beside.revision
        tag = answer.headers["etag"]
        again = await beside.client.get(MODEL, headers=PLAIN | {"if-none-match": tag})
        assert again.status_code == 304
    assert await ask(beside.client, cold) == ("miss", 3)


async def test_another_process_has_it_within_a_second(
    beside: Writer, database: Engine, clock: Clock
) -> None:
    there = replace(database, reader_url=database.writer_url, reader_token=database.writer_token)
    async with serving(there, clock) as other:
        await watching(other)
        for _ in "abc":
            for url in QUESTIONS:
                await ask(other, url)
        await edit(beside, 2)
        await asyncio.sleep(1)
        for url in QUESTIONS:
            assert await ask(other, url) == ("hit", 2), url


async def test_a_database_that_is_gone_after_the_commit_delays_nothing(
    database: Engine, clock: Clock
) -> None:
    """It cannot say what was changed: then everything is dropped, and the write acknowledged."""
    cache: Cache[str] = Cache(BoundedMemory(10, 100_000))
    away = asyncio.Event()

    async def load() -> Loaded[str]:
        if away.is_set():
            raise Unavailable("away")
        return Loaded("old", frozenset({"models"}), 0, 60.0, 10)

    async with writing(database) as db:
        watch = Watch(db, cache, clock)
        await watch.look()
        for _ in "ab":
            await cache.get("k", load)
        assert cache.fresh("k") is not None
        assert watch.revision is not None
        await db.close()
        away.set()
        begin = monotonic()
        await watch.wrote(db, watch.revision + 1)
        assert monotonic() - begin < 1.5
        assert cache.fresh("k") is None
