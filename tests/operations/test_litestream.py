"""A served SQLite file that Litestream follows: restored to the second, whatever ended it."""

from __future__ import annotations

import asyncio
import datetime
import os
import re
import signal
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from service.app import create_app
from service.operations import litestream
from service.operations.portable import compare, examine
from service.settings import Settings
from tests.databases import copied
from tests.engines import HTTP, Engine, Server
from tests.http.client import running
from tests.operations.bucket import BucketServer
from tests.operations.conftest import command, done, place, shipped
from tests.operations.serving import served

pytestmark = pytest.mark.anyio

Servers = Callable[[str], Server]


def write(engine: Engine, *statements: str) -> None:
    with closing(apsw.Connection(engine.writer_url.removeprefix("file:"))) as database:
        database.set_busy_timeout(60_000)
        for statement in statements:
            database.execute(statement)


async def moment(engine: Engine, settings: dict[str, str]) -> str:
    """A moment between what was written and what will be."""
    await shipped(engine, settings)
    now = datetime.datetime.now(datetime.UTC).isoformat()
    await asyncio.sleep(0.1)
    return now


def followers(engine: Engine) -> dict[int, Path]:
    """The processes of Litestream that follow a file, and the configuration of each."""
    found = {}
    file = engine.writer_url.removeprefix("file:")
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_bytes().decode().split("\0")
            configuration = (
                Path(words[words.index("-config") + 1]) if "replicate" in words else None
            )
            if configuration and file in configuration.read_text():
                found[int(folder.name)] = configuration
        except (OSError, ValueError):
            continue
    return found


def await_follower(engine: Engine) -> None:
    until = time.monotonic() + 60
    while not followers(engine):
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.parametrize("where", ["folder", "bucket"])
async def test_back_to_the_moment_before(
    servers: Servers, tmp_path: Path, bucket: BucketServer, where: str
) -> None:
    settings = {"BACKUP_TO": str(tmp_path / "kept")}
    if where == "bucket":
        settings = {name.upper(): value for name, value in bucket.settings.items()}
    async with copied(servers("sqlite"), "seeded") as engine:
        log = tmp_path / "log"
        with served(log, "--with-backup", DATABASE_URL=engine.writer_url, **settings):
            write(engine, "UPDATE models SET family = 'edited'")
            before = await examine(place(engine))
            at = await moment(engine, settings)
            write(engine, "DELETE FROM pricing", "DELETE FROM benchmarks")
            last = await examine(place(engine))
        assert followers(engine) == {}

        said = done(command(engine, "backup", "restore", "--at", at, "--force", **settings))
        assert "restored what Litestream has" in said
        await compare(before, place(engine))
        new = servers("sqlite").new()
        to = ("--to", new.writer_url)
        # The last write was shipped before the end.
        done(command(engine, "backup", "restore", *to, **settings))
        await compare(last, place(new))


async def test_ended_or_killed_it_is_started_again(servers: Servers, tmp_path: Path) -> None:
    settings = {"BACKUP_TO": str(tmp_path / "kept")}
    async with copied(servers("sqlite"), "seeded") as engine:
        with served(
            tmp_path / "log", "--with-backup", DATABASE_URL=engine.writer_url, **settings
        ) as address:
            [first] = followers(engine)
            os.kill(first, signal.SIGKILL)
            write(engine, "UPDATE models SET family = 'meanwhile'")
            await_follower(engine)
            until(lambda: sent_until(address) > 0)
            before = await examine(place(engine))
            at = await moment(engine, settings)
            write(engine, "DELETE FROM pricing")
        done(command(engine, "backup", "restore", "--at", at, "--force", **settings))
        await compare(before, place(engine))


async def test_s3_is_away(servers: Servers, tmp_path: Path, bucket: BucketServer) -> None:
    """The service goes on and tells; what was written meanwhile is sent once S3 is back."""
    settings = {name.upper(): value for name, value in bucket.settings.items()}
    settings |= {"BACKUP_HOURS": "0.001"}
    log = tmp_path / "log"
    async with copied(servers("sqlite"), "seeded") as engine:
        with served(log, "--with-backup", DATABASE_URL=engine.writer_url, **settings) as address:
            write(engine, "UPDATE models SET family = 'before'")
            until(lambda: sent_until(address) > 0)
            bucket.stop()
            before = time.time()
            write(engine, "UPDATE models SET family = 'meanwhile'")
            failed = "\naicompare_backup_last_failed 1\n"
            until(lambda: failed in HTTP.get(f"{address}/metrics").text)
            for path in ("/health/ready", "/v1/models?pageSize=7"):
                assert HTTP.get(address + path).status_code == 200
            until(lambda: time.time() > before + 2)
            assert 0 < sent_until(address) < before + 1
            [told] = await warnings(engine, datetime.timedelta(minutes=6))
            assert told.startswith("Litestream has sent what was written until 20")
            last = await examine(place(engine))
            bucket.start()
            until(lambda: failed not in HTTP.get(f"{address}/metrics").text)
            back = time.time()
            until(lambda: sent_until(address) > back)
            assert await warnings(engine) == []
            new = servers("sqlite").new()

            async def arrives() -> None:
                """A restore has what there is now, sooner or later."""
                to = ("backup", "restore", "--to", new.writer_url, "--force")
                for _ in range(40):
                    done(command(engine, *to, **settings))
                    found = await examine(place(new))
                    if found.tables == last.tables:
                        break
                    await asyncio.sleep(1)
                await compare(last, place(new))

            await arrives()
            # A stop does not wait for it for long: what is left is sent by the next start.
            write(engine, "UPDATE models SET family = 'last'")
            last = await examine(place(engine))
            bucket.stop()
        bucket.start()
        with served(log, "--with-backup", DATABASE_URL=engine.writer_url, **settings):
            await arrives()


def sent_until(address: str) -> float:
    """What a service tells of how far Litestream has come; 0 for not at all."""
    name = "aicompare_litestream_sent_timestamp_seconds"
    [line] = re.findall(rf"^{name} (\S+)$", HTTP.get(f"{address}/metrics").text, re.MULTILINE)
    return float(line)


async def warnings(engine: Engine, later: datetime.timedelta = datetime.timedelta(0)) -> list[str]:
    """What readiness warns of in a while, where the same Litestream is asked."""
    [configuration] = followers(engine).values()
    settings = Settings(
        database_url=engine.reader_url, litestream_socket=str(configuration.with_name("socket"))
    )
    app = create_app(settings, clock=lambda: datetime.datetime.now(datetime.UTC) + later)
    async with running(app) as client:
        found: list[str] = (await client.get("/health/ready")).json()["data"]["warnings"]
    return found


def until(true: Callable[[], bool], seconds: float = 120) -> None:
    """Return once something is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_its_times_are_set() -> None:
    known = litestream.configuration(
        Settings(backup_days=7, backup_to="s3://bucket/a/b"), Path("/x.db")
    )
    assert known["snapshot"]["retention"] == "168.00h"
    assert known["l0-retention"] == "24h"
    [database] = known["dbs"]
    assert database["replica"]["sync-interval"] == "1s"
    assert (database["replica"]["bucket"], database["replica"]["path"]) == ("bucket", "a/b/live")
