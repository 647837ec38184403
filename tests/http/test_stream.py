"""`GET /v1/changes/stream`: nothing missed, nothing twice, whoever is cut off and wherever."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.app import create_app
from service.commands.serve import STOP_SECONDS
from service.errors import Unavailable
from service.http.asgi import App
from service.settings import Settings
from service.storage.database import Database, Statement
from service.storage.writing import Author, write
from tests.catalog import NOW, OPUS, SONNET
from tests.databases import copied, writing
from tests.engines import Engine, LibsqlServer, Server, free_port
from tests.expected import Json
from tests.http.client import running
from tests.http.events import Event, Listener, listening

pytestmark = pytest.mark.anyio

MODELS = (SONNET, OPUS, "google/gemini-2.5-pro", "openai/gpt-5", "openai/o3")


@pytest.fixture
async def engine(server: Server) -> AsyncIterator[Engine]:
    async with copied(server, "seeded") as engine:
        server.settle(engine)
        yield engine


@pytest.fixture
async def sqlite(servers: Callable[[str], Server]) -> AsyncIterator[Engine]:
    """For what does not depend on the engine."""
    async with copied(servers("sqlite"), "seeded") as engine:
        yield engine


def service_at(url: str, token: str | None, **settings: Any) -> App:
    made: dict[str, Any] = {"database_deadline": 30.0, "watch_interval": 0.02} | settings
    return create_app(Settings(database_url=url, database_token=token, **made), clock=lambda: NOW)


@asynccontextmanager
async def service(engine: Engine, **settings: Any) -> AsyncIterator[App]:
    app = service_at(engine.reader_url, engine.reader_token, **settings)
    async with running(app):
        yield app


async def edit(database: Database, *names: tuple[str, str]) -> int:
    """Rename models in one write; its last revision."""
    revision, _ = await write(
        database,
        Author("test", NOW),
        *(
            Statement(
                "edit",
                "UPDATE models SET name = :name WHERE id = :id",
                {"id": id, "name": name},
            )
            for id, name in names
        ),
    )
    return revision


async def whole_log(app: App) -> list[Json]:
    """What `/v1/changes` has, page by page."""
    async with listening(app, "since=0", buffer=10_000) as listener:
        found: list[Json] = []
        while True:
            try:
                found += [event.data for event in await listener.events(1, 1.0)]
            except TimeoutError:
                return found


class Follower:
    """A browser on a bad connection: it is cut off, and comes back with the last id it has."""

    def __init__(self, apps: list[App], query: str, keeps: Callable[[Json], bool]) -> None:
        self.apps, self.query, self.keeps = apps, query, keeps
        self.seen: list[Json] = []
        self.last: str | None = None
        self.connections = 0
        self.begun = asyncio.Event()

    async def run(self, chance: random.Random) -> None:
        while True:
            app = chance.choice(self.apps)
            async with listening(app, self.query, self.last, buffer=chance.randint(1, 3)) as one:
                assert one.status == 200
                self.connections += 1
                await self._read(one, chance)

    async def _read(self, one: Listener, chance: random.Random) -> None:
        try:
            async with asyncio.timeout(chance.choice((0.005, 0.03, 0.2, 1.0))):
                await one.begun()
                self.begun.set()
                self.last = one.last
                for _ in range(chance.randint(0, 30)):
                    self._take(await one.event())
                    self.last = one.last
        except TimeoutError:
            pass
        # What a browser has read of an id counts, in whole blocks only.
        self.last = one.last or self.last

    def _take(self, event: Event) -> None:
        assert event.id == event.data["revision"]
        assert event.kind == event.data["kind"]
        self.seen.append(event.data)


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_union_of_all_connections_is_the_log(
    engine: Engine, server: Server, seed: int
) -> None:
    chance = random.Random(seed)
    async with AsyncExitStack() as stack:
        apps = [await stack.enter_async_context(service(engine))]
        if engine.reader_url != engine.writer_url:  # a region that is ahead of the other
            primary = service_at(engine.writer_url, engine.writer_token)
            await stack.enter_async_context(running(primary))
            apps.append(primary)
        followers = [
            Follower(apps, "since=0", lambda one: True),
            Follower(apps, "since=40&table=models", lambda one: one["table"] == "models"),
            Follower(apps, f"since=0&model={SONNET}", lambda one: one["modelId"] == SONNET),
            Follower(apps, "kind=model_changed,price_added", lambda one: one["kind"] in
                     ("model_changed", "price_added")),
        ]  # fmt: skip
        starts = [0, 40, 0, None]
        tasks = [asyncio.create_task(one.run(random.Random(chance.random()))) for one in followers]
        await followers[-1].begun.wait()
        starts[-1] = int(followers[-1].last or 0)
        databases = [await stack.enter_async_context(writing(engine)) for _ in range(3)]

        async def keep_writing(number: int, database: Database) -> None:
            for turn in range(15):
                ids = chance.sample(MODELS, chance.randint(1, len(MODELS)))
                with contextlib.suppress(Unavailable):  # other writers were faster, for too long
                    await edit(database, *((id, f"{number} {turn} {id}") for id in ids))
                await asyncio.sleep(chance.random() * 0.03)

        await asyncio.gather(*(keep_writing(*one) for one in enumerate(databases)))
        server.settle(engine)
        async with asyncio.timeout(120):
            # Read anew: a write that was given up may yet be committed.
            while log := await whole_log(apps[-1]):
                expected = [
                    [one for one in log if one["revision"] > start and follower.keeps(one)]
                    for follower, start in zip(followers, starts, strict=True)
                ]
                if all(len(f.seen) >= len(e) for f, e in zip(followers, expected, strict=True)):
                    break
                await asyncio.sleep(0.05)
        assert [one["revision"] for one in log] == list(range(1, len(log) + 1))
        for follower, wanted in zip(followers, expected, strict=True):
            assert follower.seen[: len(wanted)] == wanted
            assert follower.connections > 2
        for task in tasks:
            assert not task.done(), task.exception()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_client_may_know_more_than_the_replica(
    servers: Callable[[str], Server],
) -> None:
    server = servers("libsql-replica")
    assert isinstance(server, LibsqlServer)
    async with copied(server, "seeded") as engine:
        server.settle(engine)
        async with service(engine) as app, writing(engine) as database:
            now = await edit(database, (SONNET, "One"))
            server.settle(engine)
            server.replica(engine).kill()
            ahead = await edit(database, (SONNET, "Two"))
            newest = await edit(database, (SONNET, "Three"))
            server.replica(engine).start()
            async with listening(app, last=str(ahead)) as one, listening(app, last=str(now)) as two:
                assert [event.id for event in await one.events(1)] == [newest]
                assert [event.id for event in await two.events(2)] == [ahead, newest]


async def test_a_replica_that_goes_and_comes_back(servers: Callable[[str], Server]) -> None:
    server = servers("libsql-replica")
    assert isinstance(server, LibsqlServer)
    async with copied(server, "seeded") as engine:
        server.settle(engine)
        async with (
            service(engine, database_deadline=1.0, stream_heartbeat=0.1) as app,
            writing(engine) as database,
            listening(app, buffer=1000) as one,
        ):
            await one.begun()
            first = await edit(database, (SONNET, "One"))
            assert [event.id for event in await one.events(1)] == [first]
            server.replica(engine).kill()
            second = await edit(database, (SONNET, "Two"))
            await asyncio.sleep(0.5)
            assert (await one.chunk()).startswith(b":"), "it is alive, though it knows nothing new"
            server.replica(engine).start()
            assert [event.id for event in await one.events(1)] == [second]


async def test_a_database_that_was_restored(
    engine: Engine, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients that are there, and ones that come back, learn that the log ends where it does."""
    monkeypatch.setattr("service.app._BEHIND", 1.0)
    async with service(engine, stream_heartbeat=30.0) as app, writing(engine) as database:
        kept = await edit(database, (SONNET, "One"))
        async with listening(app, f"since={kept}", buffer=100) as there:
            lost = await edit(database, (SONNET, "Two"), (OPUS, "Three"))
            assert [event.id for event in await there.events(2)] == [kept + 1, lost]
            # What an older state of the same database looks like to its readers.
            undo = [f"DELETE FROM changes WHERE revision > {kept}"]
            if engine.name != "postgres":
                undo.append(f"UPDATE sqlite_sequence SET seq = {kept} WHERE name = 'changes'")
            await database.batch(*(Statement("test", sql, {}) for sql in undo))
            server.settle(engine)
            async with listening(app, last=str(lost), buffer=100) as back:
                for one in (there, back):
                    [reset] = await one.events(1)
                    assert (reset.kind, reset.id, reset.data) == ("reset", kept, {"revision": kept})
                again = await edit(database, (SONNET, "Four"))
                assert again == kept + 1, "numbers are given again"
                for one in (there, back):
                    [event] = await one.events(1)
                    assert (event.id, event.data["after"]["name"]) == (again, "Four")
                    assert one.last == str(again)


async def test_a_replica_that_is_only_behind_is_waited_for(
    sqlite: Engine, servers: Callable[[str], Server]
) -> None:
    async with (
        copied(servers("sqlite"), "seeded") as primary,
        service(sqlite, primary_database_url=primary.writer_url) as app,
        writing(sqlite) as database,
    ):
        newest = await edit(database, (SONNET, "One"))
        async with listening(app, last=str(newest + 2)) as one:
            for number in range(4):
                await edit(database, (SONNET, f"Turn {number}"))
                await asyncio.sleep(0.1)
            assert [event.id for event in await one.events(2)] == [newest + 3, newest + 4]


async def test_from_now_on_is_from_the_connection_on(sqlite: Engine) -> None:
    async with service(sqlite) as app, writing(sqlite) as database:
        async with listening(app) as one:
            await one.begun()
        missed = await edit(database, (SONNET, "While it was away"))
        async with listening(app, last=one.last) as again:
            assert [event.id for event in await again.events(1)] == [missed]


async def test_signs_of_life(sqlite: Engine) -> None:
    async with service(sqlite, stream_heartbeat=0.1) as app, listening(app, buffer=100) as one:
        await one.begun()
        begin = time.monotonic()
        for _ in range(5):
            assert await one.chunk() == b": nothing new\n\n"
        assert 0.3 < time.monotonic() - begin < 60


async def test_a_filter_that_nothing_passes_moves_the_position(sqlite: Engine) -> None:
    query = "kind=price_corrected"
    async with (
        service(sqlite, stream_heartbeat=0.1) as app,
        writing(sqlite) as database,
        listening(app, query) as one,
    ):
        await one.begun()
        newest = await edit(database, (SONNET, "One"), (OPUS, "Two"))
        async with asyncio.timeout(60):
            while await one.chunk() != b"id: %d\n\n" % newest:
                pass


async def test_a_hundred_streams_at_once(engine: Engine, server: Server) -> None:
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(service(engine))
        database = await stack.enter_async_context(writing(engine))
        streams = [await stack.enter_async_context(listening(app)) for _ in range(100)]
        for one in streams:
            await one.begun()
        revisions = [await edit(database, (SONNET, f"Turn {turn}")) for turn in range(10)]
        written = time.monotonic()
        for one in streams:
            assert [event.id for event in await one.events(10)] == revisions
        assert time.monotonic() - written < 30


async def test_streams_are_limited(sqlite: Engine) -> None:
    async with service(sqlite, stream_limit=2) as app:
        async with listening(app), listening(app), listening(app) as third:
            assert third.status == 503
            assert int(third.headers["retry-after"]) >= 1
            assert b"all 2 streams" in await third.chunk()
        async with listening(app) as again:
            assert again.status == 200, "a client that went has left its place"


async def test_a_slow_client_makes_the_stream_wait(sqlite: Engine) -> None:
    async with service(sqlite) as app, writing(sqlite) as database:
        for turn in range(500):
            await edit(database, (SONNET, f"Turn {turn} {'x' * 1000}"))
        async with listening(app, "since=0", buffer=1) as slow:
            async with asyncio.timeout(60):
                while not slow._blocks.qsize():  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.3)
            assert slow._blocks.qsize() == 1, "nothing is sent that is not taken"
            events = await slow.events(500)
            assert [event.id for event in events] == list(range(1, 501))


async def test_shutdown_ends_streams(sqlite: Engine) -> None:
    async with AsyncExitStack() as stack:
        async with service(sqlite) as app:
            streams = [await stack.enter_async_context(listening(app)) for _ in range(10)]
            for one in streams:
                await one.begun()
            begin = time.monotonic()
        assert time.monotonic() - begin < 30
        for one in streams:
            with pytest.raises(EOFError):
                await one.events(1, 1)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_the_real_server_stops_with_streams_open(
    sqlite: Engine, tmp_path: Path, stop: signal.Signals
) -> None:
    """Servers wait for responses to end: without a word to the streams this one never would."""
    port, log = free_port(), tmp_path / "server.log"
    environment = os.environ | {"AICOMPARE_DATABASE_URL": sqlite.reader_url}
    command = Path(sys.executable).with_name("aicompare")
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            command, "serve", "--port", str(port), env=environment, stdout=output, stderr=output
        )
    base = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=60) as client:
            async with asyncio.timeout(60):
                while True:
                    with contextlib.suppress(httpx.TransportError):
                        await client.get("/health/live")
                        break
                    await asyncio.sleep(0.05)
            async with client.stream("GET", "/v1/changes/stream?since=0") as response:
                lines = response.aiter_lines()
                assert (await anext(lines)).startswith("retry: ")
                begin = time.monotonic()
                process.send_signal(stop)
                assert [line async for line in lines][-1] == ""
            await asyncio.wait_for(process.wait(), 60)
        assert time.monotonic() - begin < STOP_SECONDS, log.read_text()
        assert "Traceback" not in log.read_text()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


async def test_head_does_not_hang(sqlite: Engine) -> None:
    async with service(sqlite) as app:
        async with asyncio.timeout(60), listening(app, method="HEAD") as head:
            assert (head.status, head.ended) == (200, True)
            with pytest.raises(EOFError):
                await head.chunk()
        async with listening(app) as get:
            varying = {"server-timing", "x-request-id"}
            assert {k: v for k, v in get.headers.items() if k not in varying} == {
                k: v for k, v in head.headers.items() if k not in varying
            }


async def test_headers(sqlite: Engine) -> None:
    encodings = ((b"accept-encoding", b"gzip, br"),)
    async with service(sqlite) as app, listening(app, "since=0", headers=encodings) as one:
        assert one.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert one.headers["cache-control"] == "no-store, no-transform"
        assert one.headers["x-accel-buffering"] == "no"
        assert one.headers["access-control-allow-origin"] == "*"
        assert one.headers["x-request-id"]
        assert not {"content-encoding", "content-length", "etag"} & set(one.headers)
        assert (await one.chunk()).startswith(b"retry: ")


@pytest.mark.parametrize(
    ("query", "last", "word"),
    [
        ("since=-1", None, "since"),
        ("since=x", None, "since"),
        ("limit=1", None, "limit"),
        ("table=runs", None, "table"),
        ("", "x", "Last-Event-ID"),
        ("", "-1", "Last-Event-ID"),
        ("", "1" * 19, "Last-Event-ID"),
    ],
)
async def test_bad_questions(sqlite: Engine, query: str, last: str | None, word: str) -> None:
    async with service(sqlite) as app, listening(app, query, last) as one:
        assert one.status == 400
        assert word.encode() in await one.chunk()


async def test_a_database_that_is_away_is_unavailable(servers: Callable[[str], Server]) -> None:
    server = servers("libsql")
    assert isinstance(server, LibsqlServer)
    async with copied(server, "seeded") as engine, service(engine, database_deadline=0.5) as app:
        server.primary(engine).kill()
        async with listening(app) as one:
            assert one.status == 503
            assert "retry-after" in one.headers
