"""All engines side by side, each serving the same catalogue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest

from service.storage.database import Statement
from service.storage.writing import Author, write
from tests.catalog import NOW, Step
from tests.conftest import Servers
from tests.databases import copied, take, writing
from tests.engines import NAMES, Engine, Server
from tests.http.conftest import serving


class Sites:
    """The same service over each engine; what one answers, all have to."""

    def __init__(self, clients: dict[str, httpx.AsyncClient]) -> None:
        self.clients = clients

    async def get(self, url: str) -> httpx.Response:
        """The answer that all give, to the byte."""
        responses = {name: await client.get(url) for name, client in self.clients.items()}
        first = next(iter(responses.values()))
        for name, response in responses.items():
            assert response.status_code == first.status_code, (url, name, response.text)
            assert response.content == first.content, (url, name, difference(first, response))
            assert response.headers.get("etag") == first.headers.get("etag"), (url, name)
        assert first.status_code in (200, 400, 404), (url, first.text)
        return first


def difference(one: httpx.Response, other: httpx.Response) -> str:
    """Where two answers part, and what stands around that."""
    pairs = enumerate(zip(one.text, other.text, strict=False))
    place = next((i for i, (a, b) in pairs if a != b), 0)
    around = slice(max(place - 300, 0), place + 300)
    return f"\n{one.text[around]}\n{other.text[around]}"


@pytest.fixture(scope="session")
def all_servers(servers: Servers) -> list[Server]:
    return [servers(name) for name in NAMES]


@asynccontextmanager
async def sites(
    all_servers: list[Server], steps: Iterable[Step], edits: Iterable[Iterable[str]] = ()
) -> AsyncIterator[Sites]:
    """Databases with the same steps, and then the same edits by hand, served at `NOW`."""
    steps, edits = [*steps], [[*some] for some in edits]

    async def fill(engine: Engine) -> None:
        async with writing(engine) as database:
            for step in steps:
                await take(database, step)
            for some in edits:
                statements = [Statement("edit", edit) for edit in some]
                await write(database, Author("ann", NOW), *statements)

    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        engines = [await enter(copied(server, "empty")) for server in all_servers]
        await asyncio.gather(*map(fill, engines))
        clients = {}
        for server, engine in zip(all_servers, engines, strict=True):
            server.settle(engine)
            clients[server.name] = await enter(serving(engine))
        yield Sites(clients)
