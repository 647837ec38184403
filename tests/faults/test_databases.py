"""Databases that restart or are wiped under the service, and a clock that goes backwards."""

from __future__ import annotations

import asyncio
import datetime
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.databases import copied, reading
from tests.engines import LibsqlServer, PostgresServer, Server
from tests.pipeline.conftest import Clock, rows, writer_of
from tests.processes import client, started
from tests.pushing import Pusher, clear, whole

pytestmark = pytest.mark.anyio


async def pushing_through(url: str, fault: Callable[[], Awaitable[None]], times: int) -> Pusher:
    """Push while something is done to the database, until more was taken after each time."""
    pusher = Pusher(url)
    done = False
    tasks = [asyncio.create_task(pusher.run(lambda: not done)) for _ in range(2)]
    try:
        for _ in range(times):
            await more(pusher)
            await fault()
        await more(pusher)
    finally:
        done = True
    async with asyncio.timeout(120):
        await asyncio.gather(*tasks)
    return pusher


async def more(pusher: Pusher) -> None:
    goal = len(pusher.acknowledged) + 3
    async with asyncio.timeout(120):
        while len(pusher.acknowledged) < goal:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("own", ["postgres"], indirect=True)
@pytest.mark.parametrize("crash", [False, True])
async def test_postgres_is_restarted(own: Server, crash: bool, tmp_path: Path) -> None:
    server = own
    assert isinstance(server, PostgresServer)
    async with copied(server, "empty") as engine:
        async with started(engine, tmp_path / "log", DATABASE_WRITE_DEADLINE="5") as serving:

            async def restart() -> None:
                server.stop(crash=crash)
                await asyncio.sleep(0.3)
                server.start()

            pusher = await pushing_through(serving.url, restart, 2)
            async with client() as http:
                # Away for longer: told so, while what is kept is still answered.
                kept = f"{serving.url}/v1/providers?pageSize=7"
                assert (await http.get(kept)).status_code == 200
                server.stop(crash=crash)
                try:
                    assert (await http.get(kept)).status_code == 200
                    clear(await http.get(f"{serving.url}/v1/providers?pageSize=8"))
                    assert not await pusher.push(900, http)
                finally:
                    server.start()
                await serving.ready()
                await pusher.until_taken(900, http)
            assert "Traceback" not in serving.log.read_text()
        async with reading(engine) as db:
            assert await whole(db) == set(pusher.acknowledged)


@pytest.mark.parametrize("server", ["libsql-replica"], indirect=True)
async def test_a_replica_is_wiped(server: Server, tmp_path: Path) -> None:
    """Its region is answered by the primary until it has loaded everything anew."""
    assert isinstance(server, LibsqlServer)
    async with copied(server, "empty") as engine:
        settings = {"DATABASE_DEADLINE": "1"}
        async with started(engine, tmp_path / "log", **settings) as serving:

            async def wipe() -> None:
                replica = server.replica(engine)
                replica.kill()
                shutil.rmtree(replica.folder)
                await asyncio.sleep(0.3)
                replica.start()

            pusher = await pushing_through(serving.url, wipe, 2)
            await serving.ready()
            async with client() as http, reading(engine) as db, asyncio.timeout(60):
                # Loaded anew it may be behind for a moment, and is never ahead.
                while (found := await whole(db)) != set(pusher.acknowledged):
                    assert found < set(pusher.acknowledged)
                    await asyncio.sleep(0.1)
                while True:
                    status = (await http.get(f"{serving.url}/v1/status")).json()["data"]
                    if status["counts"]["providers"] == len(pusher.acknowledged):
                        break
                    await asyncio.sleep(0.1)


async def test_the_clock_goes_backwards(server: Server) -> None:
    """By seconds, across midnight and by a year: nothing is refused, lost or out of order."""
    clock = Clock()
    async with copied(server, "empty") as engine, writer_of(engine, clock) as api:
        revisions: list[int] = []
        for number, back in enumerate(
            (datetime.timedelta(0), datetime.timedelta(seconds=5), datetime.timedelta(hours=13),
             datetime.timedelta(days=365))
        ):  # fmt: skip
            clock.now -= back
            body = {"providers": [{"id": f"p{number}", "name": "N"}]}
            first = await api.ingest(body, idempotency_key=f"k{number}")
            assert first["providers"]["created"] == 1
            revisions.append(int(api.revision))
            assert await api.ingest(body, idempotency_key=f"k{number}") == first, "taken once"
            await api.send("PATCH", f"providers/p{number}", {"name": f"Name {number}"})
            revisions.append(int(api.revision))
            # Read by the process that wrote, and not from what it kept of before.
            found = await api.get("providers")
            assert {row["id"]: row["name"] for row in found} == {
                f"p{one}": f"Name {one}" for one in range(number + 1)
            }
        assert revisions == sorted(set(revisions))
        clock.now += datetime.timedelta(days=400)
        await api.send("PATCH", "providers/p0", {"name": "Later"})
        async with reading(engine) as db:
            log = await rows(db, "SELECT revision FROM changes ORDER BY revision")
        assert [revision for (revision,) in log] == list(range(1, len(log) + 1))
