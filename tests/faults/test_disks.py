"""What can happen to the disk and the data of a database server while the service runs on it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import apsw
import psycopg
import pytest

from service.storage.postgres import WRITE_LOCK
from tests.databases import copied, reading, writing
from tests.engines import HTTP, Engine, LibsqlServer, PostgresServer, Server, free_port
from tests.faults.mounts import Disk, disk
from tests.processes import client, started
from tests.pushing import Pusher, clear, whole

pytestmark = pytest.mark.anyio

# Starts a program anew until it ends in order.
_AGAIN = 'until "$@"; do sleep 0.2; done'
# What the log tells the operator.
WORDS = {"file": ("make it writable",), "server": ("was blocked: a quota", "may only read")}
READ = "/v1/providers?pageSize={}"
DEADLINES = {"DATABASE_WRITE_DEADLINE": "5", "DATABASE_DEADLINE": "2"}


def move(server: Server, engine: Engine, what: str) -> Disk:
    """Have a part of the server run on a small disk, with what it has; free it before the end."""
    if isinstance(server, LibsqlServer):
        process = server.replica(engine) if what == "replica" else server.primary(engine)
        process.kill()
        small = disk(process.folder, 8192)
        process.prefix = (*small.command, "sh", "-c", _AGAIN, "sh")
        process.start()
        assert process.process
        small.pid = process.process.pid
    else:
        assert isinstance(server, PostgresServer)
        server.stop(crash=False)
        folder = server.data / "pg_wal" if what == "log" else server.data
        small = disk(folder, 81_920 if what == "log" else 131_072, server.user)
        # With a full log it ends; whoever runs it starts it again, as containers are.
        server.start((*small.command, "sh", "-c", _AGAIN, "sh"))
        small.pid = server.process.pid
    return small


def again(server: Server, engine: Engine) -> None:
    """End the replica, so that what it is run by starts it again."""
    assert isinstance(server, LibsqlServer)
    process = server.replica(engine).process
    assert process
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    os.kill(int(children), signal.SIGKILL)


async def shown(engine: Engine, pusher: Pusher) -> None:
    """What was acknowledged is there, whole, and nothing else; readers come to see it."""
    async with writing(engine) as db:
        assert await whole(db) == set(pusher.acknowledged)
    async with reading(engine) as db, asyncio.timeout(60):
        while (found := await whole(db)) != set(pusher.acknowledged):
            assert found < set(pusher.acknowledged)
            await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("own", "what"),
    [("libsql", "data"), ("libsql-replica", "data"), ("postgres", "data"), ("postgres", "log")],
    indirect=["own"],
)
async def test_the_disk_is_full(own: Server, what: str, tmp_path: Path) -> None:
    """Writes are refused in words; with room again they are taken, without anyone's help."""
    async with copied(own, "empty") as engine:
        small = move(own, engine, what)
        async with started(engine, tmp_path / "log", **DEADLINES) as serving, client() as http:
            pusher = Pusher(serving.url)
            for number in range(3):
                assert await pusher.push(number, http)
            small.fill()
            refused = await pusher.until_refused(3, http)
            if what == "data":
                assert (await http.get(serving.url + READ.format(3))).status_code == 200
            small.free()
            await pusher.until_taken(refused, http)
            await pusher.until_taken(refused + 1, http)
        await shown(engine, pusher)


@pytest.mark.parametrize("own", ["libsql-replica"], indirect=True)
async def test_the_disk_of_a_replica_is_full(own: Server, tmp_path: Path) -> None:
    """It loses its database, and the primary answers; started again it takes up where that is."""
    async with copied(own, "empty") as engine:
        small = move(own, engine, "replica")
        async with started(engine, tmp_path / "log", **DEADLINES) as serving, client() as http:
            pusher = Pusher(serving.url)
            ready = serving.url + "/health/ready"
            small.fill()
            async with asyncio.timeout(60):
                while (await http.get(ready)).status_code == 200:
                    assert await pusher.push(len(pusher.acknowledged), http)
            clear(await http.get(ready))
            for number in range(1, 20):
                answer = await http.get(serving.url + READ.format(number))
                assert answer.status_code == 200, answer.text
            small.free()
            again(own, engine)
            await serving.ready()
            await shown(engine, pusher)


@pytest.mark.parametrize(
    ("own", "how"),
    [("libsql", "file"), ("libsql", "server"), ("postgres", "server")],
    indirect=["own"],
)
async def test_it_is_read_only(own: Server, how: str, tmp_path: Path) -> None:
    """By the rights of the file, or because whoever runs the server says so, as over a quota."""
    async with copied(own, "empty") as engine:
        writable = switch(own, engine, how)
        async with started(engine, tmp_path / "log", **DEADLINES) as serving, client() as http:
            pusher = Pusher(serving.url)
            assert await pusher.push(0, http)
            writable(False)
            refused = await pusher.until_refused(1, http)
            assert (await http.get(serving.url + READ.format(3))).status_code == 200
            writable(True)
            await pusher.until_taken(refused, http)
            log = serving.log.read_text()
        assert any(words in log for words in WORDS[how])
        await shown(engine, pusher)


def switch(server: Server, engine: Engine, how: str) -> Callable[[bool], None]:
    """Lets a database be written or not."""
    if isinstance(server, PostgresServer):

        def transactions(writable: bool) -> None:
            value = "off" if writable else "on"
            server.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
            server.execute("SELECT pg_reload_conf()")

        return transactions
    assert isinstance(server, LibsqlServer)
    process = server.primary(engine)
    process.kill()
    if how == "file":
        small = disk(process.folder, 65_536)
        process.prefix = small.command
        process.start()
        assert process.process
        small.pid = process.process.pid

        def rights(writable: bool) -> None:
            folder = small.seen / "dbs" / "default"
            for path in (folder, *folder.iterdir()):
                path.chmod(
                    path.stat().st_mode | 0o200 if writable else path.stat().st_mode & ~0o222
                )

        return rights
    admin = f"127.0.0.1:{free_port()}"
    process.options = ("--admin-listen-addr", admin)
    process.start()

    def blocked(writable: bool) -> None:
        told = {"block_reads": False, "block_writes": not writable, "block_reason": "a quota"}
        HTTP.post(f"http://{admin}/v1/namespaces/default/config", json=told).raise_for_status()

    return blocked


@pytest.mark.parametrize("own", ["libsql", "postgres"], indirect=True)
async def test_the_data_is_corrupt(own: Server, tmp_path: Path) -> None:
    """What cannot be read is refused in words; what comes back by the operator is taken up."""
    async with copied(own, "empty") as engine:
        async with started(engine, tmp_path / "log", **DEADLINES) as serving, client() as http:
            pusher = Pusher(serving.url)
            for number in range(3):
                assert await pusher.push(number, http)
            kept = serving.url + READ.format(1)
            assert (await http.get(kept)).status_code == 200
            with resting(own, engine) as file:
                before = file.read_bytes()
                if isinstance(own, PostgresServer):  # which does not look before it is asked
                    file.write_bytes(os.urandom(len(before)))
            if isinstance(own, LibsqlServer):  # which would not start
                file.write_bytes(before[:4096] + os.urandom(len(before) - 4096))
                file.with_name("data-wal").write_bytes(b"")
            codes = {(await http.get(serving.url + READ.format(n))).status_code for n in (2, 3, 4)}
            clear(await http.get(serving.url + READ.format(5)))
            assert codes == {503}
            assert not await pusher.push(3, http)
            assert pusher.refused
            assert (await http.get(serving.url + "/health/live")).status_code == 200
            with resting(own, engine) as file:
                file.write_bytes(before)
            await serving.ready()
            await pusher.until_taken(3, http)
        await shown(engine, pusher)


@contextmanager
def resting(server: Server, engine: Engine) -> Iterator[Path]:
    """The file of a part of the data, while the server does not run."""
    if isinstance(server, LibsqlServer):
        process = server.primary(engine)
        process.kill()
        file = process.folder / "dbs" / "default" / "data"
        # All of it in the one file.
        with suppress(apsw.CorruptError), closing(apsw.Connection(str(file))) as data:
            data.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        yield file
        process.start()
        return
    assert isinstance(server, PostgresServer)
    with psycopg.connect(engine.writer_url) as connection:
        [[path]] = connection.execute("SELECT pg_relation_filepath('providers')").fetchall()
    server.stop(crash=False)
    yield server.data / path
    server.start()


@pytest.mark.parametrize("server", ["libsql", "postgres"], indirect=True)
async def test_somebody_else_holds_the_lock(server: Server, tmp_path: Path) -> None:
    async with copied(server, "empty") as engine:
        settings = {"DATABASE_WRITE_DEADLINE": "1"}
        async with started(engine, tmp_path / "log", **settings) as serving, client() as http:
            pusher = Pusher(serving.url)
            with held(engine):
                assert not await pusher.push(0, http)
                assert pusher.refused
                assert (await http.get(serving.url + READ.format(1))).status_code == 200
            await pusher.until_taken(0, http)
        await shown(engine, pusher)


@contextmanager
def held(engine: Engine) -> Iterator[None]:
    """The right to write, taken by a transaction that does not end."""
    if engine.name == "postgres":
        with psycopg.connect(engine.writer_url) as connection:
            connection.execute(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})".encode())
            yield
        return
    headers = {"Authorization": f"Bearer {engine.writer_token}"}

    def ask(sql: str, baton: str | None) -> str | None:
        requests = [{"type": "execute", "stmt": {"sql": sql}}]
        answer = HTTP.post(
            f"{engine.writer_url}/v3/pipeline",
            json={"baton": baton, "requests": requests},
            headers=headers,
        ).json()
        assert answer["results"][0]["type"] == "ok", answer
        found: str | None = answer["baton"]
        return found

    baton = ask("BEGIN IMMEDIATE", None)
    yield
    ask("ROLLBACK", baton)
