"""What can happen to a SQLite file while the service runs on it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import apsw
import pytest

from tests.databases import reading, template
from tests.engines import Engine, Server
from tests.faults.mounts import disk
from tests.processes import Serving, client, environment_of
from tests.pushing import Pusher, clear, whole

pytestmark = pytest.mark.anyio

READ = "/v1/providers?pageSize={}"


@pytest.fixture
async def file(servers: Callable[[str], Server], tmp_path: Path) -> Path:
    """A database with the schema, alone in its folder."""
    server = servers("sqlite")
    copy = server.copy(await template(server, "empty"))
    path = tmp_path / "data" / "catalogue.db"
    path.parent.mkdir()
    shutil.move(copy.writer_url.removeprefix("file:"), path)
    server.drop(copy)
    return path


def at(path: Path) -> Engine:
    return Engine(name="sqlite", reader_url=f"file:{path}", writer_url=f"file:{path}")


def service(path: Path, prefix: tuple[str, ...] = (), **settings: str) -> Serving:
    settings = {"DATABASE_WRITE_DEADLINE": "2", "DATABASE_DEADLINE": "2", **settings}
    return Serving(environment_of(at(path), **settings), path.parent.with_suffix(".log"), prefix)


async def test_the_disk_is_full(file: Path, tmp_path: Path) -> None:
    small = disk(file.parent, 8192)
    serving = service(file, small.command)
    serving.start()
    try:
        await serving.ready()
        assert serving.process
        small.pid = serving.process.pid
        pusher = Pusher(serving.url)
        async with client() as http:
            for number in range(3):
                assert await pusher.push(number, http)
            small.fill()
            refused = await pusher.until_refused(3, http)
            assert (await http.get(serving.url + READ.format(3))).status_code == 200
            small.free()
            await pusher.until_taken(refused, http)
            await pusher.until_taken(refused + 1, http)
        assert await stored(small.seen / file.name, tmp_path / "copies") == set(pusher.acknowledged)
        assert await serving.stop() == 0
    finally:
        serving.kill()


async def stored(path: Path, copies: Path) -> set[int]:
    """The batches in a file that rests, copied first: SQLite follows paths out of the namespace."""
    copies.mkdir()
    for one in path.parent.glob(f"{path.name}*"):
        shutil.copy(one, copies)
    async with reading(at(copies / path.name)) as db:
        return await whole(db)


async def test_the_file_is_read_only(file: Path, tmp_path: Path) -> None:
    """It can be read; once it may be written, it is, without a restart."""
    with closing(apsw.Connection(str(file))) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    small = disk(file.parent, 65536)
    file.chmod(0o444)
    file.parent.chmod(0o555)
    serving = service(file, small.command)
    serving.start()
    try:
        await serving.ready()
        assert serving.process
        small.pid = serving.process.pid
        pusher = Pusher(serving.url)
        async with client() as http:
            assert not await pusher.push(0, http)
            assert pusher.refused
            assert (await http.get(serving.url + READ.format(1))).status_code == 200
            for path in (small.seen / file.name, small.seen):
                path.chmod(0o777)
            await pusher.until_taken(0, http)
        assert await stored(small.seen / file.name, tmp_path / "copies") == {0}
    finally:
        serving.kill()
        file.parent.chmod(0o755)


async def test_the_file_is_corrupt(file: Path, tmp_path: Path) -> None:
    """What is kept goes on, all else is refused; the file of the backup is taken up as it comes."""
    serving = service(file)
    serving.start()
    try:
        await serving.ready()
        pusher = Pusher(serving.url)
        async with client() as http:
            for number in range(3):
                assert await pusher.push(number, http)
            backup = file.with_suffix(".backup")
            with (
                closing(apsw.Connection(str(file))) as now,
                closing(apsw.Connection(str(backup))) as then,
            ):
                then.backup("main", now, "main").step()
                now.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            kept = serving.url + READ.format(1)
            assert (await http.get(kept)).status_code == 200
            size = file.stat().st_size
            with file.open("r+b") as content:
                content.seek(4096)
                content.write(os.urandom(size - 4096))
            codes = set()
            for page in range(2, 30):
                answer = await http.get(serving.url + READ.format(page))
                codes.add(answer.status_code)
                if answer.status_code != 200:
                    clear(answer)
            assert 503 in codes
            assert not await pusher.push(3, http)
            assert (await http.get(serving.url + "/health/ready")).status_code == 503
            assert (await http.get(serving.url + "/health/live")).status_code == 200
            for suffix in ("-wal", "-shm"):
                with suppress(FileNotFoundError):
                    Path(f"{file}{suffix}").unlink()
            backup.rename(file)
            await serving.ready()
            await pusher.until_taken(3, http)
            assert (await http.get(serving.url + READ.format(31))).status_code == 200
        assert await stored(file, tmp_path / "copies") == set(pusher.acknowledged) == {0, 1, 2, 3}
    finally:
        serving.kill()


async def test_the_file_is_locked(file: Path, tmp_path: Path) -> None:
    serving = service(file, DATABASE_WRITE_DEADLINE="1")
    serving.start()
    try:
        await serving.ready()
        pusher = Pusher(serving.url)
        async with client() as http:
            with closing(apsw.Connection(str(file))) as other:
                other.execute("BEGIN IMMEDIATE")
                assert not await pusher.push(0, http)
                assert pusher.refused
                assert (await http.get(serving.url + READ.format(1))).status_code == 200
                other.execute("ROLLBACK")
            await pusher.until_taken(0, http)
        assert await stored(file, tmp_path / "copies") == {0}
    finally:
        serving.kill()
