"""Databases of each engine in turn with the schema in them, open for writing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from service.storage.database import Database
from tests.databases import copied, writing
from tests.engines import Server


@pytest.fixture
async def empty(written: Server) -> AsyncIterator[Database]:
    """The schema and no rows."""
    async with copied(written, "empty") as engine, writing(engine) as database:
        yield database


@pytest.fixture
async def seeded(written: Server) -> AsyncIterator[Database]:
    """The catalogue of the tests."""
    async with copied(written, "seeded") as engine, writing(engine) as database:
        yield database


@pytest.fixture(scope="module")
async def unchanged(written: Server) -> AsyncIterator[Database]:
    """The catalogue of the tests, for tests whose writes all fail."""
    async with copied(written, "seeded") as engine, writing(engine) as database:
        yield database
