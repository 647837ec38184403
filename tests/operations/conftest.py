"""Databases with a row in every table that is copied, and text that is hard to copy."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from service.errors import NotFound, Unavailable
from service.operations import litestream
from service.operations.portable import Place, examine
from service.settings import Settings
from service.storage.database import Database
from tests.databases import copied, writing
from tests.engines import ROOT, Engine, Server
from tests.http.client import client, url
from tests.operations.bucket import BucketServer
from tests.storage.test_database import sql

__all__ = ["client", "url"]  # fixtures

HARD = (
    "two\nlines; and 'quotes', \"more\" \\n literally, \r\n, tab\t, \u2028, \U0001f600,\n"
    "CREATE TRIGGER t BEGIN\n"
)
MORE = """
INSERT INTO locks VALUES ('models', 'openai/gpt-5', 'name', 'ada', '2026-11-22T12:00:00Z');
INSERT INTO tokens VALUES
    ('t1', 'nightly', 'pipeline', '{hash}', '2026-11-22T12:00:00Z', NULL, NULL, NULL);
INSERT INTO webhooks VALUES
    ('w1', 'https://example.com', 'secret', '', '', NULL, 3, 'x', NULL, NULL, NULL);
INSERT INTO webhook_deliveries VALUES ('d1', 'w1', 3, 9, 2, 1, 500, 'no', 'x', NULL, NULL);
INSERT INTO idempotency_keys VALUES ('ada', 'k', 'h', 't', '2026-11-22T12:00:00Z');
INSERT INTO pipeline_runs (id) VALUES ('open');
INSERT INTO pipeline_batches VALUES ('b1', 'open', 'x', 1, 2);
INSERT INTO pipeline_counts VALUES ('b1', 'models', 1, 2, 3, 4, 5);
INSERT INTO pipeline_left VALUES ('b1', 'models', 0, 'openai/gpt-5', 'name', 'locked');
INSERT INTO held_prices (id, model_id, service_tier, context_threshold, effective_date,
    input_price_per_million, given, observed, current_id, actor, held_at)
SELECT 1, model_id, service_tier, context_threshold, effective_date,
    9223372036854775807, 1, 0, id, 'a', 'x'
FROM pricing WHERE model_id = 'openai/gpt-5' ORDER BY id LIMIT 1
""".replace("{hash}", "0" * 64)


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[BucketServer]:
    """A place for backups that speaks S3."""
    server = BucketServer(tmp_path / "s3")
    server.start()
    yield server
    server.stop()


async def fill_up(database: Database) -> None:
    """Have a row in each table that the catalogue of the tests leaves empty."""
    for statement in MORE.split(";\n"):
        await database.batch(sql(statement))
    await database.batch(sql("UPDATE providers SET name = :name WHERE id = 'openai'", name=HARD))


@asynccontextmanager
async def filled(server: Server) -> AsyncIterator[Engine]:
    """A database of one's own with a row in every table."""
    async with copied(server, "seeded") as engine:
        async with writing(engine) as database:
            await fill_up(database)
        yield engine


def place(engine: Engine) -> Place:
    """A database as operations name it."""
    return Place(engine.writer_url, engine.writer_token)


@pytest.fixture
async def full(written: Server) -> AsyncIterator[Engine]:
    """A database of each engine in turn with a row in every table."""
    async with filled(written) as engine:
        yield engine


async def shipped(engine: Engine, settings: Mapping[str, str]) -> None:
    """Return once Litestream would restore what is in a file now; settings without their prefix."""
    wanted = await examine(place(engine))
    variables = {f"AICOMPARE_{name}": value for name, value in settings.items()}
    made = Settings.from_environment({"PATH": os.environ["PATH"], **variables})
    file = Path(engine.writer_url.removeprefix("file:"))
    async with asyncio.timeout(120):
        while True:
            with TemporaryDirectory() as folder:
                target = Path(folder) / "restored.db"
                with suppress(NotFound, Unavailable):
                    await asyncio.to_thread(litestream.restore, made, file, None, target)
                    if (await examine(Place(f"file:{target}"))).tables == wanted.tables:
                        return
            await asyncio.sleep(0.2)


def environment(engine: Engine, **settings: Any) -> dict[str, str]:
    """What a process needs to work on a database; settings without their prefix."""
    given = {"DATABASE_URL": engine.writer_url, "DATABASE_TOKEN": engine.writer_token, **settings}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AICOMPARE_")}
    return kept | {f"AICOMPARE_{name}": str(value) for name, value in given.items() if value}


def command(engine: Engine, *arguments: str, **settings: Any) -> subprocess.Popen[str]:
    """`aicompare` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", "from service.cli import main; main()", *arguments],
        env=environment(engine, **settings),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(process: subprocess.Popen[str], code: int = 0) -> str:
    """What a process said; asserts how it ended."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == code, out + err
    return out if code == 0 else err
