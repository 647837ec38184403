"""A primary and two regions, from the entry point that the container has."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import re
import shutil
import signal
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from service.operations.keys import make_certificates
from tests.faults.mounts import disk
from tests.operations.regions import Region, regions
from tests.processes import HEADERS
from tests.pushing import Pusher

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        yield client


async def name(client: httpx.AsyncClient, region: Region, text: str) -> int:
    """Write a provider's name there; the revision."""
    response = await client.put(
        f"{region.url}/v1/providers/acme", json={"name": text}, headers=HEADERS
    )
    assert response.status_code in (200, 201), response.text
    return int(response.headers["x-revision"])


async def seen(client: httpx.AsyncClient, region: Region, text: str) -> float:
    """Return when the name is read there; the seconds that this took."""
    begin = time.monotonic()
    while True:
        with suppress(httpx.TransportError):
            response = await client.get(f"{region.url}/v1/providers/acme")
            if response.status_code == 200 and response.json()["data"]["name"] == text:
                return time.monotonic() - begin
        assert time.monotonic() - begin < 60, f"{region.name} does not show {text}"
        await asyncio.sleep(0.02)


async def test_a_primary_and_two_regions(tmp_path: Path, client: httpx.AsyncClient) -> None:
    async with regions(tmp_path, "fra", "iad", "nrt", FLY_APP_NAME="aicompare") as made:
        primary, iad, nrt = made
        # A replica that comes first waits: it is not ready before it can be read.
        iad.start()
        await asyncio.sleep(1)
        with pytest.raises(httpx.TransportError):
            await client.get(f"{iad.url}/health/ready")
        primary.start()
        nrt.start()
        for region in made:
            await region.ready(client)
            assert set(region.children()) == {"sqld", "serve"}
        for region, role in ((primary, "primary"), (iad, "replica"), (nrt, "replica")):
            status = (await client.get(f"{region.url}/v1/status")).json()["data"]
            assert (status["region"], status["role"]) == (region.name, role)

        for turn in range(5):
            await name(client, primary, f"One {turn}")
            took = sum([await seen(client, region, f"One {turn}") for region in made])
            if took < 1:
                break
        assert took < 1, "in none of five turns: no hiccup of the machine"

        # Writes go to where they belong; one too large to be replayed is taken where it arrives.
        path = f"{iad.url}/v1/pipeline/ingest"
        replayed = await client.post(path, json={}, headers=HEADERS)
        assert (replayed.status_code, replayed.headers["fly-replay"]) == (307, "region=fra")
        large = b'{"providers": [{"id": "far", "name": "Far"}]' + b" " * 1_000_001 + b"}"
        json = {"content-type": "application/json"}
        taken = await client.post(path, content=large, headers=HEADERS | json)
        assert taken.status_code == 200, taken.text
        revision = {"min-revision": taken.headers["x-revision"]}
        for region in made:
            far = await client.get(f"{region.url}/v1/providers/far", headers=revision)
            assert far.json()["data"]["name"] == "Far"

        # A region dies, misses a write, and comes back with it.
        await nrt.kill()
        await name(client, primary, "Two")
        await seen(client, iad, "Two")
        nrt.start()
        await nrt.ready(client)
        await seen(client, nrt, "Two")

        # The primary is restarted: regions read on, and follow it again.
        assert await primary.stop() == 0
        with pytest.raises(httpx.TransportError):
            await client.get(f"{primary.url}/health/live")
        for region in (iad, nrt):
            for size in range(1, 4):
                answer = await client.get(f"{region.url}/v1/providers?pageSize={size}")
                assert answer.status_code == 200, "not kept: read at the replica"
        primary.start()
        await primary.ready(client)
        await name(client, primary, "Three")
        for region in (iad, nrt):
            await seen(client, region, "Three")

        for region in made[::-1]:
            assert await region.stop() == 0, region.log.read_text()
            log = region.log.read_text()
            assert "Traceback" not in log
            assert "is killed" not in log


async def test_mutual_tls_between_regions(tmp_path: Path, client: httpx.AsyncClient) -> None:
    """Whoever has no certificate of ours cannot follow, or write past the tokens."""
    now = datetime.datetime.now(datetime.UTC)
    for name_ in ("tls", "foreign"):
        make_certificates(tmp_path / name_, now, datetime.timedelta(days=1))
    # A stranger who takes us for what we are, and has a certificate of somebody else's.
    shutil.copy(tmp_path / "tls" / "ca.pem", tmp_path / "foreign")
    async with regions(tmp_path, "fra", "iad", "nrt") as made:
        primary, iad, stranger = made
        for region in made:
            folder = "foreign" if region is stranger else "tls"
            url = region.environment["AICOMPARE_LIBSQL_PRIMARY_URL"]
            region.environment |= {
                "AICOMPARE_LIBSQL_TLS_FOLDER": str(tmp_path / folder),
                "AICOMPARE_LIBSQL_PRIMARY_URL": url.replace(
                    "http://127.0.0.1", "https://localhost"
                ),
                "AICOMPARE_DATABASE_DEADLINE": "1",
            }
        primary.start()
        iad.start()
        stranger.start(wait=4)
        await primary.ready(client)
        await iad.ready(client)
        await name(client, primary, "One")
        await seen(client, iad, "One")
        assert stranger.process
        assert await asyncio.to_thread(stranger.process.wait, 90) == 1


async def test_the_libsql_server_dies(tmp_path: Path, client: httpx.AsyncClient) -> None:
    """The service goes on from what it keeps and from the primary; the server comes back."""
    async with regions(tmp_path, "fra", "iad") as (primary, iad):
        for region in (primary, iad):
            region.start()
            await region.ready(client)
        await name(client, primary, "One")
        await seen(client, iad, "One")
        before = iad.children()
        os.kill(before["sqld"], signal.SIGKILL)
        kept = await client.get(f"{iad.url}/v1/providers/acme")
        assert (kept.status_code, kept.headers["x-cache"]) == (200, "hit")
        assert (await client.get(f"{iad.url}/v1/providers?pageSize=7")).status_code == 200
        async with asyncio.timeout(60):
            while iad.children().get("sqld") in (None, before["sqld"]):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await iad.ready(client)
        assert iad.children()["serve"] == before["serve"]
        assert "sqld ended with code -9" in iad.log.read_text()

        # At the primary writes fail clearly meanwhile, and then succeed again.
        os.kill(primary.children()["sqld"], signal.SIGKILL)
        path = f"{primary.url}/v1/providers/acme"
        refused = await client.put(path, json={"name": "Two"}, headers=HEADERS)
        if refused.status_code not in (200, 201):  # the server may be back already
            assert refused.status_code == 503
            assert refused.headers["retry-after"]
        await primary.ready(client)
        await name(client, primary, "Three")
        await seen(client, iad, "Three")


async def test_the_service_dies(tmp_path: Path, client: httpx.AsyncClient) -> None:
    """Then the machine ends, with a code that says so, and leaves nothing running."""
    async with regions(tmp_path, "fra") as (primary,):
        primary.start()
        await primary.ready(client)
        children = primary.children()
        os.kill(children["serve"], signal.SIGKILL)
        assert primary.process
        code = await asyncio.to_thread(primary.process.wait, 60)
        assert code == 128 + signal.SIGKILL
        primary.process = None
        async with asyncio.timeout(60):
            while running(set(children.values())):  # noqa: ASYNC110
                await asyncio.sleep(0.02)


def hears(process: int) -> bool:
    """Whether it does something of its own when it is told to end."""
    [caught] = re.findall(r"^SigCgt:\t(\w+)$", Path(f"/proc/{process}/status").read_text(), re.M)
    return all(int(caught, 16) >> (one - 1) & 1 for one in (signal.SIGINT, signal.SIGTERM))


def running(groups: set[int]) -> list[int]:
    """Processes of these groups that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            id, rest = stat.read_text().split(" (", 1)
            state, _, group, *_ = rest.rpartition(") ")[2].split()
            if int(group) in groups and state != "Z":
                found.append(int(id))
    return found


async def test_a_replica_whose_primary_never_comes(tmp_path: Path) -> None:
    """It ends with a reason rather than wait for ever, and can be stopped meanwhile."""
    async with regions(tmp_path, "fra", "iad") as (_, iad):
        iad.environment["AICOMPARE_DATABASE_DEADLINE"] = "0.5"
        iad.start(wait=1)
        assert iad.process
        assert await asyncio.to_thread(iad.process.wait, 60) == 1
        assert "aicompare: the database" in iad.log.read_text()
        iad.start()
        # A signal in its first moments is not heard by the libSQL server, which is killed then.
        async with asyncio.timeout(60):
            while len(found := iad.children()) < 2 or not hears(found["sqld"]):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert await iad.stop() == 0
        log = iad.log.read_text()
        assert "Traceback" not in log
        assert "is killed" not in log


async def test_the_disk_of_a_region_is_full(tmp_path: Path, client: httpx.AsyncClient) -> None:
    """Its replica loses its database for good, and is started again."""
    async with regions(tmp_path, "fra", "iad") as (primary, iad):
        (iad.folder / "libsql").mkdir(parents=True)
        small = disk(iad.folder / "libsql", 8192)
        iad.prefix = small.command
        for region in (primary, iad):
            region.start()
            await region.ready(client)
        assert iad.process
        small.pid = iad.process.pid
        before = iad.children()
        pusher = Pusher(primary.url)
        small.fill()
        async with asyncio.timeout(90):
            while iad.children() == before:
                assert await pusher.push(len(pusher.acknowledged), client)
                answer = await client.get(
                    f"{iad.url}/v1/models?pageSize={len(pusher.acknowledged)}"
                )
                assert answer.status_code in (200, 503), answer.text
        small.free()
        await name(client, primary, "After")
        await seen(client, iad, "After")
        await iad.ready(client)
        assert "sqld has lost what it serves" in iad.log.read_text()


async def test_one_stream_of_json_lines(tmp_path: Path, client: httpx.AsyncClient) -> None:
    """Of all that runs in a machine, each line with the name of who said it."""
    told = {"AICOMPARE_LOG_FORMAT": "json", "AICOMPARE_LOG_LEVEL": "info", "RUST_LOG": "info"}
    async with regions(tmp_path, "fra", **told) as (primary,):
        primary.start()
        await primary.ready(client)
        await client.get(f"{primary.url}/v1/models")
        assert await primary.stop() == 0
        lines = [json.loads(line) for line in primary.log.read_text().splitlines()]
        assert {"sqld", "service.http.requests"} <= {line["logger"] for line in lines}
        levels = {line["message"]: line["level"] for line in lines if line["logger"] == "sqld"}
        assert any(words.startswith("sqld: listening for") for words in levels)
        assert set(levels.values()) <= {"info", "warning", "error"}
