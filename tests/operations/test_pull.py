"""A running service's catalogue cloned, from every engine: the same rows, all or nothing."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from service.application import doctor
from service.storage.database import Database
from service.storage.tables import TABLES
from tests.catalog import NOW
from tests.databases import copied, writing
from tests.engines import Engine, Server, free_port
from tests.operations.conftest import command, done, environment
from tests.operations.serving import served
from tests.storage.test_database import rows

pytestmark = pytest.mark.anyio


async def offered(db: Database) -> dict[str, list[Any]]:
    """All rows that the public sees, whole."""
    deleted = """
        SELECT m.id FROM models AS m JOIN providers AS p ON p.id = m.provider_id
        WHERE m.deleted_at IS NOT NULL OR p.deleted_at IS NOT NULL
    """
    found = {}
    for table in TABLES:
        column = {"providers": "id", "models": "id"}.get(table.name, "model_id")
        found[str(table.name)] = await rows(
            db,
            f"SELECT * FROM {table.name} WHERE deleted_at IS NULL"
            f" AND {column} NOT IN ({deleted}) ORDER BY id",
        )
    return found


def into(tmp_path: Path) -> Engine:
    url = f"file:{tmp_path}/pulled.db"
    return Engine(name="sqlite", reader_url=url, writer_url=url)


async def test_a_running_service(server: Server, tmp_path: Path) -> None:
    target = into(tmp_path)
    async with copied(server, "seeded") as engine:
        variables = {
            n[10:]: v for n, v in environment(engine).items() if n.startswith("AICOMPARE_")
        }
        with served(tmp_path / "log", **variables) as address:
            said = done(command(target, "pull", address))
            again = done(command(target, "pull", address), 1)
        async with writing(engine) as source, writing(target) as pulled:
            assert await offered(pulled) == await offered(source)
            listed = "SELECT model_id, bits, name_folded FROM listing ORDER BY model_id"
            assert await rows(pulled, listed) == await rows(source, listed)
            checks = await doctor.examine(pulled, today=NOW.date())
            assert all(check.good for check in checks if check.name != "price day"), checks
    assert "as it was at revision" in said
    assert "not empty" in again


async def test_nothing_is_left_of_one_that_broke_off(tmp_path: Path) -> None:
    target = into(tmp_path)
    process = command(target, "pull", f"http://127.0.0.1:{free_port()}")
    try:
        process.communicate(timeout=1.5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    done(command(target, "migrate", "up"))
    async with writing(target) as pulled:
        assert all(not found for found in (await offered(pulled)).values())


@contextmanager
def answering(status: bytes, table: bytes) -> Iterator[str]:
    """A server of another kind: the same for every table."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = status if self.path == "/v1/status" else table
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "table"),
    [
        (b"<html>", b""),
        (b'{"data":null}', b""),
        (b'{"data":{"revision":1}}', b"\xff"),
        (b'{"data":{"revision":1}}', b"id,name\na,A\n"),
        (b'{"data":{"revision":1}}', b'id,name\n"a'),
    ],
)
def test_what_is_no_such_service(tmp_path: Path, status: bytes, table: bytes) -> None:
    with answering(status, table) as url:
        said = done(command(into(tmp_path), "pull", url), 1)
    assert said.startswith(f"aicompare: {url} answers, but not as an AICompare service")
    assert said.count("\n") == 1
