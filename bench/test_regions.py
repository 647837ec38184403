"""Three regions, 80 ms apart: reads stay where they are, writes travel, all see them soon.

One libSQL primary and two replicas of it, and an instance of the service beside each. What crosses
regions (replication, writes, looks at the primary) goes through a proxy that delays it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import http.client
import json
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import pytest

from bench import dataset
from bench.conftest import Figures, percentile
from bench.distance import Distance
from bench.loading import load
from bench.serving import service
from bench.workload import Names
from service.application import tokens
from service.application.turnover import turn_over
from service.storage.database import DatabaseOptions
from service.storage.opening import open_database
from tests.conftest import Servers
from tests.engines import Engine, LibsqlServer, Sqld, pipeline

APART = 0.08
ROUNDS, READS, WRITES = 5, 60, 10
MODEL = "/v1/models/anthropic/claude-sonnet-4-5"


class Region(NamedTuple):
    """An instance, seen from beside it."""

    name: str
    host: str

    def ask(
        self, path: str, method: str = "GET", body: Any = None, **headers: str
    ) -> tuple[float, dict[str, str], Any]:
        """Seconds, headers and JSON of an answer; the connection is made before."""
        connection = http.client.HTTPConnection(self.host, timeout=30)
        connection.connect()
        sent = None if body is None else json.dumps(body)
        begin = time.perf_counter()
        connection.request(method, path, sent, {"content-type": "application/json", **headers})
        response = connection.getresponse()
        answer = response.read()
        taken = time.perf_counter() - begin
        connection.close()
        assert response.status == 200, answer
        given = {name.lower(): value for name, value in response.getheaders()}
        return taken, given, json.loads(answer)


class World(NamedTuple):
    """All regions, the primary's first, what is between them, and an admin's token."""

    regions: list[Region]
    between: list[Distance]
    token: str

    def apart(self, seconds: float) -> None:
        """Move the regions so far from each other."""
        for distance in self.between:
            distance.round_trip = seconds


@pytest.fixture(scope="module")
def world(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    libsql = servers("libsql")
    assert isinstance(libsql, LibsqlServer)
    engine = libsql.new()
    asyncio.run(load(dataset.path(1), engine))
    admin = asyncio.run(_prepare(engine))
    primary = libsql.primary(engine)
    folder = tmp_path_factory.mktemp("regions")
    with ExitStack() as stack:

        def far(port: int) -> Distance:
            distance = Distance(port, 0)
            stack.callback(distance.close)
            return distance

        between, regions = [], []
        shared = {"primary_region": "ams", "database_token": engine.writer_token or ""}
        address, _ = stack.enter_context(
            service(region="ams", database_url=engine.writer_url, **shared)
        )
        regions.append(Region("ams", urlsplit(address).netloc))
        for name in ("iad", "syd"):
            replication, writes = far(primary.grpc_port), far(primary.port)
            between += [replication, writes]
            followed = dataclasses.replace(primary, grpc_port=replication.port)
            replica = Sqld(folder / name, libsql.public_key, primary=followed)
            replica.start()
            stack.callback(replica.kill)
            _caught_up(replica, engine.reader_token)
            address, _ = stack.enter_context(
                service(
                    region=name,
                    primary_region="ams",
                    database_url=replica.url,
                    database_token=engine.reader_token or "",
                    primary_database_url=f"http://127.0.0.1:{writes.port}",
                    primary_database_token=engine.writer_token or "",
                )
            )
            regions.append(Region(name, urlsplit(address).netloc))
        yield World(regions, between, admin)


async def _prepare(engine: Engine) -> str:
    options = DatabaseOptions(token=engine.writer_token, read_only=False)
    database = open_database(engine.writer_url, options)
    try:
        now = datetime.datetime.now(datetime.UTC)
        await turn_over(database, now)
        return str(await tokens.create(database, "bench", "admin", now))
    finally:
        await database.close()


def _caught_up(replica: Sqld, token: str | None) -> None:
    """Return when a new replica has the token, which was written last."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(Exception):
            [found] = pipeline(replica.url, token, "SELECT count(*) FROM tokens")
            if found["response"]["result"]["rows"][0][0]["value"] == "1":
                return
        time.sleep(0.05)
    raise TimeoutError("the replica does not catch up")


def test_reads_stay_local(world: World, figures: Figures) -> None:
    """Uncached reads at a replica take no longer when the primary is far away."""
    ids = Names(dataset.path(1)).models
    random.Random(1).shuffle(ids)
    fresh = iter(ids)
    found: dict[tuple[str, float], list[float]] = {}
    for _ in range(ROUNDS):
        for seconds in (0.0, APART):
            world.apart(seconds)
            for region in world.regions:
                for _ in range(READS // ROUNDS):
                    taken, given, _ = region.ask(f"/v1/models/{quote(next(fresh), safe='/:@')}")
                    assert given["x-cache"] == "miss"
                    found.setdefault((region.name, seconds), []).append(taken)
    for region in world.regions:
        near, away = found[region.name, 0.0], found[region.name, APART]
        for what, times in (("beside the primary", near), ("80 ms from it", away)):
            figures.add(
                f"uncached read in {region.name}, all {what}: p95", percentile(times, 0.95), "ms"
            )
        # The median: a machine that does something else makes a p95 of its own.
        more = (statistics.median(away) - statistics.median(near)) * 1000
        figures.add(f"uncached read in {region.name}: more by distance, p50", more, "ms", most=3)
        assert more < APART * 1000 / 4


def test_writes_travel_and_are_seen(world: World, figures: Figures) -> None:
    """A write in a far region, read there at once by its revision, and everywhere within 1 s."""
    world.apart(APART)
    _, _, far = world.regions
    written, own, everywhere = [], [], []
    for number in range(WRITES):
        for region in world.regions:
            region.ask(MODEL)
        name = f"Number {number}"
        taken, given, _ = far.ask(
            MODEL, "PATCH", {"name": name}, authorization=f"Bearer {world.token}"
        )
        acknowledged = time.perf_counter()
        written.append(taken)
        taken, seen, answer = far.ask(MODEL, **{"min-revision": given["x-revision"]})
        own.append(taken)
        assert answer["data"]["name"] == name
        assert int(seen["x-revision"]) >= int(given["x-revision"])
        waiting = list(world.regions)
        while waiting:
            waiting = [r for r in waiting if r.ask(MODEL)[2]["data"]["name"] != name]
            assert time.perf_counter() < acknowledged + 5, f"not seen in {waiting}"
        everywhere.append(time.perf_counter() - acknowledged)
    figures.add("write in a far region: p50", percentile(written, 0.5), "ms")
    figures.add("its own reader by Min-Revision: p50", percentile(own, 0.5), "ms")
    figures.add("seen in every region after: slowest", max(everywhere) * 1000, "ms", most=1000)
    assert statistics.median(written) >= APART
    assert max(everywhere) < 1.0
