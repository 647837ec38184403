"""A database of each engine in turn, with the schema."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from service.storage.database import Database
from tests.databases import copied, writing
from tests.engines import Engine, Server


@pytest.fixture
async def database(server: Server) -> AsyncIterator[Engine]:
    """An empty database with the schema."""
    async with copied(server, "empty") as engine:
        yield engine


@pytest.fixture
async def stored(database: Engine) -> AsyncIterator[Database]:
    """The same, as whoever writes sees it."""
    async with writing(database) as db:
        yield db
