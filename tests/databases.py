"""Databases with the schema, empty or with the catalogue of the tests: made once and copied."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

from service.application import ingest
from service.storage import migrate, runs
from service.storage.database import Database, DatabaseOptions, Statement
from service.storage.opening import open_database
from service.storage.writing import Author, write
from tests.catalog import STEPS, Step
from tests.engines import Engine, Server

Kind = Literal["empty", "seeded"]

_templates: dict[tuple[int, Kind], Engine] = {}
_KEYS = {"benchmarks": "model_id || ' ' || benchmark_name"}


@asynccontextmanager
async def writing(engine: Engine, **options: Any) -> AsyncIterator[Database]:
    """The database, open for writing."""
    options = {"deadline": 60.0} | options
    database = open_database(
        engine.writer_url,
        DatabaseOptions(token=engine.writer_token, read_only=False, create=True, **options),
    )
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def reading(engine: Engine, **options: Any) -> AsyncIterator[Database]:
    """The database, open for reading."""
    database = open_database(
        engine.reader_url, DatabaseOptions(token=engine.reader_token, **options)
    )
    try:
        yield database
    finally:
        await database.close()


async def take(database: Database, step: Step) -> None:
    """Do what one step of a catalogue says."""
    author = Author(step.actor, step.now, step.run_id)
    await runs.open_run(database, author, None, None)
    await ingest.apply(database, step.batch, actor=step.actor, now=step.now, run_id=author.run_id)
    deletions = [
        Statement(
            "delete",
            f"UPDATE {table} SET deleted_at = :now WHERE {_KEYS.get(table, 'id')} = :key",
            {"key": key, "now": step.now.isoformat()},
        )
        for table, key in step.deleted
    ]
    if deletions:
        await write(database, author, *deletions)


async def template(server: Server, kind: Kind) -> Engine:
    """What copies are made of; nobody is connected to it."""
    key = id(server), kind
    if key not in _templates:
        engine = server.new()
        async with writing(engine) as database:
            await migrate.up(database, migrate.load(migrate.folder(database.engine)))
            if kind == "seeded":
                for step in STEPS:
                    await take(database, step)
        _templates[key] = engine
    return _templates[key]


@asynccontextmanager
async def copied(server: Server, kind: Kind) -> AsyncIterator[Engine]:
    """A database of one's own, gone afterwards."""
    engine = server.copy(await template(server, kind))
    try:
        yield engine
    finally:
        server.drop(engine)
