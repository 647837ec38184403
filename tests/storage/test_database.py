"""The `Database` protocol: the same behaviour on every engine, tried on real ones."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest
from aiohttp import web

from service.errors import Conflict, DatabaseUnusable, InvalidRequest, ServiceError, Unavailable
from service.storage import libsql
from service.storage.database import (
    Database,
    DatabaseOptions,
    SchemaMissing,
    Statement,
)
from service.storage.opening import open_database
from tests.engines import Engine, LibsqlServer, PostgresServer, Server
from tests.wires import Wire, wire

pytestmark = pytest.mark.anyio

SCHEMA = """
CREATE TABLE schema_migrations (version TEXT);
CREATE TABLE parent (
    id TEXT PRIMARY KEY,
    n BIGINT NOT NULL,
    flag SMALLINT,
    CONSTRAINT n_is_not_negative CHECK (n >= 0),
    UNIQUE (n, flag)
);
CREATE TABLE child (parent_id TEXT REFERENCES parent (id) ON DELETE CASCADE);
"""
ENDLESS = """WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x > 0)
    SELECT count(*) FROM c"""


def sql(text: str, **params: Any) -> Statement:
    return Statement("test", text, params)


def insert(id: str, n: int, flag: int | None = None) -> Statement:
    return sql("INSERT INTO parent VALUES (:id, :n, :flag)", id=id, n=n, flag=flag)


def writer_of(engine: Engine, **options: Any) -> Database:
    return open_database(
        engine.writer_url,
        DatabaseOptions(token=engine.writer_token, read_only=False, create=True, **options),
    )


def reader_of(engine: Engine, **options: Any) -> Database:
    return open_database(engine.reader_url, DatabaseOptions(token=engine.reader_token, **options))


@pytest.fixture
async def writer(engine: Engine) -> AsyncIterator[Database]:
    database = writer_of(engine)
    await database.script(SCHEMA)
    yield database
    await database.close()


@pytest.fixture
async def reader(engine: Engine, writer: Database) -> AsyncIterator[Database]:
    database = reader_of(engine, deadline=1.0)
    yield database
    await database.close()


async def rows(database: Database, text: str = "SELECT id, n FROM parent ORDER BY id") -> Any:
    [found] = await database.fetch(sql(text))
    return found


async def test_batch_reports_rows_and_counts(writer: Database) -> None:
    results = await writer.batch(
        sql("INSERT INTO parent VALUES (:id, :n, :flag) RETURNING id, n", id="a", n=1, flag=None),
        insert("b", 2, 1),
        sql("SELECT count(*) FROM parent"),
        sql("UPDATE parent SET n = n + 10"),
        sql("DELETE FROM parent WHERE id = :id", id="nobody"),
    )
    assert [result.rows for result in results] == [[("a", 1)], [], [(2,)], [], []]
    assert [result.affected for result in results] == [1, 1, 0, 2, 0]


async def test_batch_is_all_or_nothing(writer: Database) -> None:
    with pytest.raises(Conflict):
        await writer.batch(insert("a", 1), insert("a", 2))
    assert await rows(writer) == []
    await writer.batch(insert("a", 3))
    assert await rows(writer) == [("a", 3)]


async def test_script_runs_parts_in_order_and_atomically(writer: Database) -> None:
    await writer.script(
        insert("a;--", 1), "-- one; two\nDELETE FROM child; UPDATE parent SET n = 7", insert("b", 2)
    )
    assert await rows(writer) == [("a;--", 7), ("b", 2)]
    with pytest.raises(ServiceError):
        await writer.script("CREATE TABLE half (id TEXT);", insert("c", 3), "CREATE nonsense;")
    with pytest.raises(SchemaMissing):
        await rows(writer, "SELECT id FROM half")
    assert len(await rows(writer)) == 2


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (insert("a", 9), "already exists: parent.id"),
        (insert("b", 1, 1), "already exists: parent.n, parent.flag"),
        (insert("b", -1), "breaks a rule of the schema: n_is_not_negative"),
        (sql("INSERT INTO parent (id) VALUES ('b')"), "is required: parent.n"),
        (
            sql("INSERT INTO child VALUES ('b')"),
            "refers to a row that does not exist, or is still referred to",
        ),
    ],
)
async def test_broken_constraints_read_alike(
    writer: Database, statement: Statement, message: str
) -> None:
    await writer.batch(insert("a", 1, 1))
    with pytest.raises(Conflict) as caught:
        await writer.batch(statement)
    assert caught.value.message == message


async def test_parameters_that_a_statement_does_not_use_are_passed_over(writer: Database) -> None:
    unused = sql("SELECT :a || ':c'", a="1", b=2)
    assert await writer.fetch(unused, sql("SELECT 1", b=None)) == [[("1:c",)], [(1,)]]
    assert [result.rows for result in await writer.batch(unused)] == [[("1:c",)]]


@pytest.mark.parametrize("value", [True, 1.5, b"x"])
async def test_other_types_are_a_programming_error(writer: Database, value: Any) -> None:
    with pytest.raises(TypeError, match="parameter p is"):
        await writer.fetch(sql("SELECT :p", p=value))


@pytest.mark.parametrize("value", ["a\0b", "\ud800", 2**63, -(2**63) - 1])
async def test_what_no_engine_holds_is_a_bad_request(writer: Database, value: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"^p "):
        await writer.batch(sql("SELECT :p", p=value))


async def test_values_come_back_as_they_went(writer: Database) -> None:
    values = ["", "ß😀'\"%:name", 2**63 - 1, -(2**63), 0, None]
    for value in values:
        assert await writer.fetch(sql("SELECT :p", p=value)) == [[(value,)]]


async def test_a_null_parameter_needs_no_type(writer: Database) -> None:
    await writer.batch(insert("a", 1), insert("b", 2))
    question = "SELECT id FROM parent WHERE (:id IS NULL OR id = :id) AND (:n IS NULL OR n >= :n)"
    assert await writer.fetch(sql(question, id=None, n=2)) == [[("b",)]]
    assert await writer.fetch(sql(question, id="a", n=None)) == [[("a",)]]


async def test_sums_and_comparisons_are_whole_numbers(writer: Database) -> None:
    await writer.batch(insert("a", 1), insert("b", 2))
    assert await rows(writer, "SELECT sum(n), count(*), max(n) > 1 FROM parent") == [(3, 2, 1)]


async def test_a_read_cannot_write(writer: Database, reader: Database, server: Server) -> None:
    for database in (writer, reader):
        with pytest.raises(DatabaseUnusable):
            await database.fetch(insert("a", 1), sql("SELECT 1"))
    assert await rows(writer) == []


async def test_a_reader_refuses_batches(engine: Engine, reader: Database) -> None:
    with pytest.raises(DatabaseUnusable, match="only read"):
        await reader.batch(insert("a", 1))
    if engine.name != "sqlite":  # a file knows no users
        pretender = reader_of(engine, read_only=False)
        with pytest.raises(DatabaseUnusable):
            await pretender.batch(insert("a", 1))
        await pretender.close()


async def test_a_fetch_sees_one_snapshot(
    engine: Engine, writer: Database, reader: Database, server: Server
) -> None:
    await writer.batch(insert("a", 0))
    server.settle(engine)
    question = sql("SELECT n FROM parent WHERE id = 'a'")
    stop = False

    async def write() -> None:
        while not stop:
            await writer.batch(sql("UPDATE parent SET n = n + 1"))

    task = asyncio.create_task(write())
    seen = []
    for _ in range(100):
        seen.append(await reader.fetch(question, question, question))
        await asyncio.sleep(0.001)
    stop = True
    await task
    assert all(first == second == third for first, second, third in seen)
    assert len({str(answer) for answer in seen}) > 1


async def test_writers_take_turns(engine: Engine, writer: Database) -> None:
    await writer.batch(insert("a", 0))
    other = writer_of(engine)

    async def add(database: Database) -> int:
        read = sql("SELECT n FROM parent WHERE id = 'a'")
        results = await database.batch(read, sql("UPDATE parent SET n = n + 1 RETURNING n"))
        assert results[1].rows[0][0] == int(results[0].rows[0][0] or 0) + 1
        return 1

    assert sum(await asyncio.gather(*[add(d) for d in (writer, other) for _ in range(25)])) == 50
    assert await rows(writer) == [("a", 50)]
    await other.close()


async def test_a_slow_call_ends_at_its_deadline_and_leaves_no_trace(
    engine: Engine, reader: Database, server: Server
) -> None:
    server.settle(engine)
    await reader.ping()
    begin = time.monotonic()
    calls = [reader.fetch(sql("SELECT 1"), sql(ENDLESS)) for _ in range(8)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unavailable}
    assert time.monotonic() - begin < 30
    for _ in range(200):
        assert await reader.fetch(sql("SELECT 1")) == [[(1,)]]


async def test_a_slow_call_holds_up_nobody_else(reader: Database) -> None:
    for _ in range(5):  # the machine may hold everybody up for a moment
        slow = asyncio.create_task(reader.fetch(sql(ENDLESS)))
        longest, last = 0.0, time.monotonic()
        while not slow.done():
            await asyncio.sleep(0.001)
            last, longest = time.monotonic(), max(longest, time.monotonic() - last)
        with pytest.raises(Unavailable):
            await slow
        if longest < 0.1:
            break
    assert longest < 0.1


async def test_a_cancelled_call_frees_its_connection(engine: Engine, writer: Database) -> None:
    database = reader_of(engine, deadline=120, pool_size=1)
    task = asyncio.create_task(database.fetch(sql(ENDLESS)))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(60):
        assert await database.fetch(sql("SELECT 2")) == [[(2,)]]
    await database.close()


async def test_ping_wants_the_schema(engine: Engine, server: Server) -> None:
    empty = writer_of(engine)
    with pytest.raises(SchemaMissing, match="aicompare migrate up"):
        await empty.ping()
    await empty.script(SCHEMA)
    server.settle(engine)
    reader = reader_of(engine)
    await reader.ping()
    await empty.close()
    await reader.close()


async def test_after_close_nothing_answers(engine: Engine) -> None:
    unused, database = reader_of(engine), writer_of(engine, deadline=20)
    await unused.close()
    await database.script(SCHEMA)
    under_way = asyncio.create_task(database.fetch(sql(ENDLESS)))
    await asyncio.sleep(0.1)
    await database.close()
    for call in (under_way, unused.ping(), database.ping(), database.batch(insert("a", 1))):
        with pytest.raises(Unavailable):
            await call


async def test_statements_that_make_no_sense_are_not_the_callers_fault(writer: Database) -> None:
    for text in ("SELEC 1", "SELECT nowhere FROM parent"):
        with pytest.raises(ServiceError) as caught:
            await writer.fetch(sql(text))
        assert caught.value.code == "internal"


@asynccontextmanager
async def counting_proxy(port: int) -> AsyncIterator[tuple[int, Callable[[], int]]]:
    """Forwards to a port; an answer is let through, and counted, once the client has fallen silent.

    So the count is that of the network round trips.
    """
    trips, tasks = 0, set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal trips
        tasks.add(asyncio.current_task())
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", port)
        asked, answer, unheard = time.monotonic(), b"", False

        async def ask() -> None:
            nonlocal asked, unheard
            while data := await reader.read(65536):
                asked, unheard = time.monotonic(), True
                upstream_writer.write(data)

        async def collect() -> None:
            nonlocal answer
            while data := await upstream_reader.read(65536):
                answer += data

        async def release() -> None:
            nonlocal answer, trips, unheard
            while True:
                await asyncio.sleep(0.005)
                if answer and time.monotonic() - asked > 0.04:
                    # A slow server's answer may come in pieces: they are of one trip.
                    trips, unheard = trips + unheard, False
                    writer.write(answer)
                    answer = b""

        await asyncio.gather(ask(), collect(), release())

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], lambda: trips
    finally:
        server.close()
        for task in tasks:
            if task:
                task.cancel()
        await asyncio.gather(*(task for task in tasks if task), return_exceptions=True)


# A SQLite file has no network.
@pytest.mark.parametrize("server", ["libsql", "libsql-replica", "postgres"], indirect=True)
async def test_a_call_is_one_round_trip(
    engine: Engine, writer: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libsql, "_STREAM_SECONDS", 60)  # the end of one is a trip of its own
    port = int(engine.writer_url.rpartition(":")[2].partition("/")[0])
    async with counting_proxy(port) as (proxy, trips):
        database = open_database(
            engine.writer_url.replace(str(port), str(proxy)),
            DatabaseOptions(token=engine.writer_token, read_only=False, deadline=20),
        )
        await database.fetch(sql("SELECT 1"))
        for _ in range(7):  # past the point where statements are prepared
            before = trips()
            await database.fetch(sql("SELECT 1"), sql("SELECT 2"), sql("SELECT id FROM parent"))
            assert trips() - before == 1
            await database.batch(sql("DELETE FROM child"), sql("SELECT 1"), sql("SELECT 2"))
            assert trips() - before == 2
        await database.close()


# What one call may take where the wire is cut, and a little for the machine.
CUT = 2.0
SOON = CUT + 10


@asynccontextmanager
async def wired(engine: Engine, **options: Any) -> AsyncIterator[tuple[Wire, Database]]:
    """A database at the end of a wire, with all its connections made."""
    port = engine.writer_url.rpartition(":")[2].partition("/")[0]
    async with wire(int(port)) as between:
        database = open_database(
            engine.writer_url.replace(port, str(between.port)),
            DatabaseOptions(token=engine.writer_token, deadline=CUT, pool_size=4, **options),
        )
        await asyncio.gather(*[rows(database) for _ in range(4)])
        try:
            yield between, database
        finally:
            await asyncio.wait_for(database.close(), SOON)


@pytest.mark.parametrize("server", ["libsql", "postgres"], indirect=True)
class TestAWireThatIsCut:
    """Nobody is told: not of a connection that a router forgot, nor of a host that is gone."""

    async def test_reads_are_asked_again(self, engine: Engine, writer: Database) -> None:
        async with wired(engine) as (between, database):
            between.cut()
            assert await asyncio.gather(*[rows(database) for _ in range(6)]) == [[]] * 6

    async def test_writes_are_not(self, engine: Engine, writer: Database) -> None:
        """Nobody asks again by himself, as it may have been done. The next one goes through."""
        async with wired(engine, read_only=False) as (between, database):
            between.cut()
            with pytest.raises(Unavailable):
                await asyncio.wait_for(database.batch(insert("a", 1)), SOON)
            async with asyncio.timeout(3 * SOON):
                for number in range(2, 9):
                    with suppress(Unavailable):
                        await database.batch(insert("b", number))
                        break
            assert [id for id, _ in await rows(writer)] == ["b"]
            between.lose_answers()
            with pytest.raises(Unavailable):
                await asyncio.wait_for(database.batch(insert("c", 1)), SOON)
            assert [id for id, _ in await rows(writer)] == ["b", "c"]

    async def test_a_host_that_is_gone_for_a_while(self, engine: Engine, writer: Database) -> None:
        async with wired(engine) as (between, database):
            between.vanish()
            for _ in range(2):
                calls = [asyncio.wait_for(rows(database), SOON) for _ in range(6)]
                answers = await asyncio.gather(*calls, return_exceptions=True)
                assert {type(answer) for answer in answers} == {Unavailable}
            between.appear()
            async with asyncio.timeout(2 * SOON):
                assert await asyncio.gather(*[rows(database) for _ in range(6)]) == [[]] * 6


@pytest.mark.parametrize("url", ["", "mysql://x", "file:", "file:a.db?mode=ro", ":memory:"])
def test_urls_that_name_no_database(url: str) -> None:
    with pytest.raises(DatabaseUnusable):
        open_database(url)


@contextmanager
def no_longer_root() -> Iterator[None]:
    """Root may write everything: be nobody for a while, where the tests run as root."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(was)


class TestSqlite:
    """What can be wrong with a file: one line that says what, and what to do."""

    async def fails(self, url: str, words: str) -> None:
        for options in (DatabaseOptions(), DatabaseOptions(read_only=False)):
            database = open_database(url, options)
            try:
                with pytest.raises(DatabaseUnusable, match=words) as caught:
                    await database.fetch(sql("SELECT * FROM sqlite_schema"))
                assert "\n" not in caught.value.message
                if not options.read_only:
                    with pytest.raises(DatabaseUnusable, match=words):
                        await database.batch(sql("CREATE TABLE t (id TEXT)"))
            finally:
                await database.close()

    async def test_missing(self, tmp_path: Path) -> None:
        await self.fails(f"file:{tmp_path}/none.db", "run `aicompare migrate up`")
        assert not (tmp_path / "none.db").exists()
        await self.fails(f"file:{tmp_path}/none/none.db", "there is no folder")
        await self.fails(f"file:{tmp_path}", "is a folder")

    async def test_not_a_database(self, tmp_path: Path) -> None:
        (tmp_path / "a.db").write_text("this is no database at all, only some text" * 100)
        await self.fails(f"file:{tmp_path}/a.db", "is not a SQLite database")

    async def test_corrupt(self, tmp_path: Path) -> None:
        url, path = f"file:{tmp_path}/a.db", tmp_path / "a.db"
        database = open_database(url, DatabaseOptions(read_only=False, create=True))
        await database.script(SCHEMA, *[insert(f"{i}" * 90, i) for i in range(500)])
        await database.close()
        content = bytearray(path.read_bytes())
        content[4096:] = b"\xff" * (len(content) - 4096)
        path.write_bytes(content)
        database = open_database(url)
        with pytest.raises(DatabaseUnusable, match="is corrupt: restore"):
            await rows(database)
        await database.close()

    async def test_read_only_file(self) -> None:
        # Not under tmp_path: nobody else gets into its parents.
        with tempfile.TemporaryDirectory() as folder:
            url, path = f"file:{folder}/a.db", Path(folder) / "a.db"
            database = open_database(url, DatabaseOptions(read_only=False, create=True))
            await database.script(SCHEMA)
            await database.close()
            path.chmod(0o444)
            path.parent.chmod(0o777)
            with no_longer_root():
                database = open_database(url, DatabaseOptions(read_only=False))
                with pytest.raises(DatabaseUnusable, match="cannot be written"):
                    await database.batch(insert("a", 1))
                await database.close()

    async def test_full_disk(self, tmp_path: Path) -> None:
        url = f"file:{tmp_path}/a.db"
        database = open_database(url, DatabaseOptions(read_only=False, create=True))
        await database.script(SCHEMA)
        with pytest.raises(DatabaseUnusable, match="is full"):
            await database.batch(
                sql("PRAGMA max_page_count = 8"), sql("CREATE TABLE t AS SELECT randomblob(99999)")
            )
        assert await rows(database) == []
        await database.close()

    async def test_locked_for_longer_than_the_deadline(self, tmp_path: Path) -> None:
        url = f"file:{tmp_path}/a.db"
        database = open_database(url, DatabaseOptions(read_only=False, create=True, deadline=0.3))
        other = open_database(url, DatabaseOptions(read_only=False, deadline=3))
        await database.script(SCHEMA)
        endless = asyncio.create_task(other.batch(insert("a", 1), sql(ENDLESS)))
        with closing(apsw.Connection(f"{tmp_path}/a.db")) as probe, suppress(apsw.BusyError):
            while True:
                probe.execute("BEGIN IMMEDIATE; ROLLBACK")
                await asyncio.sleep(0.005)
        with pytest.raises(Unavailable):
            await database.batch(insert("b", 1))
        assert await rows(database) == []  # readers wait for nobody
        with pytest.raises(Unavailable):
            await endless
        await database.batch(insert("b", 1))
        await database.close()
        await other.close()

    async def test_a_slow_read_goes_to_a_thread_and_still_answers(self, tmp_path: Path) -> None:
        url = f"file:{tmp_path}/a.db"
        database = open_database(url, DatabaseOptions(read_only=False, create=True, deadline=20))
        count = ENDLESS.replace("x > 0", "x < 200000")
        for _ in range(3):
            assert await rows(database, count) == [(200000,)]
        await database.close()


class TestLibsql:
    @pytest.fixture
    def server(self, servers: Callable[[str], Server]) -> Server:
        return servers("libsql-replica")

    async def test_a_replica_reads_on_without_its_primary(
        self, engine: Engine, server: LibsqlServer, writer: Database
    ) -> None:
        await writer.batch(insert("a", 1))
        server.settle(engine)
        reader = reader_of(engine)
        server.primary(engine).kill()
        assert await rows(reader) == [("a", 1)]
        through = open_database(
            engine.reader_url,
            DatabaseOptions(token=engine.writer_token, read_only=False, deadline=0.5),
        )
        for database in (writer, through):
            with pytest.raises(Unavailable):
                await database.batch(insert("b", 2))
        server.primary(engine).start()
        assert await rows(writer) == [("a", 1)]
        await reader.close()
        await through.close()

    async def test_a_read_survives_a_connection_that_went_stale(
        self, engine: Engine, server: LibsqlServer, writer: Database
    ) -> None:
        assert await rows(writer) == []
        server.primary(engine).kill()
        server.primary(engine).start()
        assert await rows(writer) == []

    async def test_a_replica_that_begins_again_is_read_anew(
        self, engine: Engine, server: LibsqlServer, writer: Database, tmp_path: Path
    ) -> None:
        """Though readers keep streams, in which the server reads the file that there was."""
        await writer.batch(insert("a", 1))
        server.settle(engine)
        other = server.new()
        database = writer_of(other)
        await database.script(SCHEMA)
        await database.batch(insert("b", 1), insert("c", 2))
        await database.close()
        reader = reader_of(engine)
        assert await rows(reader) == [("a", 1)]
        primary, another = server.primary(engine), server.primary(other)
        primary.kill()
        another.kill()
        shutil.rmtree(primary.folder)
        shutil.copytree(another.folder, primary.folder)
        primary.start()
        until = time.monotonic() + 60
        fresh: Any = []
        while fresh != [("b", 1), ("c", 2)] and time.monotonic() < until:
            await rows(reader)
            one = reader_of(engine)
            fresh = await rows(one)
            await one.close()
        seen = time.monotonic()
        while await rows(reader) != fresh:
            assert time.monotonic() - seen < 60
            await asyncio.sleep(0.05)
        await reader.close()
        server.drop(other)

    async def test_readers_give_their_connections_back(
        self, server: LibsqlServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also when they are young no more, and however many questions come at once."""
        engine = server.new()
        primary = server.primary(engine)
        primary.kill()
        primary.options = ("--max-concurrent-connections", "2")
        primary.start()
        for _ in range(5):
            reader = reader_of(
                replace(engine, reader_url=engine.writer_url), pool_size=1, deadline=30
            )
            answers = await asyncio.gather(*(rows(reader, "SELECT 1") for _ in range(9)))
            assert answers == [[(1,)]] * 9
            await reader.close()
        monkeypatch.setattr(libsql, "_STREAM_SECONDS", 0)
        reader = reader_of(replace(engine, reader_url=engine.writer_url), pool_size=1, deadline=30)
        for _ in range(5):
            assert await rows(reader, "SELECT 1") == [(1,)]
        await reader.close()
        server.drop(engine)

    async def test_a_bad_token_is_told(self, engine: Engine) -> None:
        for token in (None, "nonsense"):
            database = open_database(engine.writer_url, DatabaseOptions(token=token))
            with pytest.raises(DatabaseUnusable, match="token"):
                await database.ping()
            await database.close()

    async def test_an_older_server_is_spoken_to_in_its_own_version(self) -> None:
        seen: list[tuple[str, str | None]] = []

        async def answer(request: web.Request) -> web.Response:
            seen.append((request.path, request.headers.get("Authorization")))
            if request.path != "/v2/pipeline":
                return web.Response(status=404)
            done = {"cols": [], "rows": [], "affected_row_count": 0}
            outcome = {"step_results": [done] * 3, "step_errors": [None] * 3}
            response = {"type": "batch", "result": outcome}
            return web.json_response({"results": [{"type": "ok", "response": response}]})

        app = web.Application()
        app.router.add_post("/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        database = open_database(f"http://127.0.0.1:{runner.addresses[0][1]}")
        for _ in range(2):
            assert await database.fetch(sql("SELECT 1")) == [[]]
        assert seen == [("/v3/pipeline", None), ("/v2/pipeline", None), ("/v2/pipeline", None)]
        await database.close()
        await runner.cleanup()


class TestPostgres:
    @pytest.fixture
    def server(self, servers: Callable[[str], Server]) -> Server:
        return servers("postgres")

    async def test_connections_that_the_server_ended_are_replaced(
        self, engine: Engine, server: PostgresServer, writer: Database
    ) -> None:
        await writer.batch(insert("a", 1))
        # Each is waited for until it has ended.
        server.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = 'owner'"
        )
        await writer.batch(insert("b", 2))
        assert await rows(writer) == [("a", 1), ("b", 2)]

    async def test_a_refused_connection_is_told(self, engine: Engine) -> None:
        stem = engine.writer_url.rpartition("/")[0]
        for url, words in (
            (f"{stem}/nowhere", 'database "nowhere" does not exist'),
            (engine.writer_url.replace("owner@", "nobody:secret@"), "nobody"),
            ("postgresql://u:secret@[bad/x", "URL is wrong"),
        ):
            database = open_database(url)
            with pytest.raises(DatabaseUnusable, match=words) as caught:
                await database.ping()
            assert "secret" not in caught.value.message
            await database.close()

    async def test_nobody_listening(self) -> None:
        database = open_database("postgresql://owner@127.0.0.1:1/x")
        with pytest.raises(Unavailable, match="cannot be reached"):
            await database.ping()
        await database.close()

    def test_names_become_numbers(self) -> None:
        from service.storage.postgres_dialect import positional

        text = """SELECT ':a', ":a", x::text, :a, :b, :a -- :a
            /* :a */ FROM t WHERE y LIKE '50%' AND $$ :a $$ <> :c"""
        numbered, names = positional(text, frozenset({"b"}))
        assert names == ("a", "c")
        assert numbered.decode() == (
            """SELECT ':a', ":a", x::text, $1, NULL, $1 -- :a
            /* :a */ FROM t WHERE y LIKE '50%' AND $$ :a $$ <> $2"""
        )
