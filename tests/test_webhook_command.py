"""`aicompare webhook`, and what the service sends while it is killed and started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from tests.engines import free_port
from tests.http.client import make_catalogue
from tests.receiver import check_signature, receiving

pytestmark = pytest.mark.anyio

COMMAND = Path(sys.executable).with_name("aicompare")
EDIT = "UPDATE models SET name = ? WHERE id = 'anthropic/claude-2'"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("webhooks") / "catalogue.db"
    make_catalogue(path)
    return path


def environment(path: Path, targets: str) -> dict[str, str]:
    return os.environ | {
        "AICOMPARE_DATABASE_URL": f"file:{path}",
        "AICOMPARE_WEBHOOK_TARGETS": targets,
    }


async def run(path: Path, *arguments: str, targets: str = "any") -> tuple[int, str, str]:
    done = await asyncio.to_thread(
        subprocess.run, [COMMAND, "webhook", *arguments], env=environment(path, targets),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def execute(path: Path, sql: str, *values: str) -> None:
    with closing(sqlite3.connect(path, timeout=60)) as connection, connection:
        connection.execute(sql, values)


@asynccontextmanager
async def serving(path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        COMMAND, "serve", "--port", str(free_port()), env=environment(path, "any"),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        await process.wait()


async def test_a_service_that_is_killed_in_the_middle(path: Path) -> None:
    async with receiving(lambda count: "hang" if count == 0 else 200) as receiver:
        code, secret, told = await run(path, "add", f"{receiver.url}/hook", "--table", "models")
        assert code == 0
        assert "shown this once" in told
        id = told.split()[1].rstrip(";")
        async with serving(path):
            execute(path, EDIT, "One")
            await receiver.until(lambda: len(receiver.posts) == 1)
        # Nobody comes to give its place up: that of the dead is over in half a minute.
        execute(path, "UPDATE webhook_runner SET held_until = '2000-01-01T00:00:00.000Z'")
        async with serving(path):
            await receiver.until(lambda: len(receiver.posts) == 2)
            execute(path, EDIT, "Two")
            await receiver.until(lambda: len(receiver.posts) == 3)
        first, again, second = receiver.posts
        assert (first.delivery, first.body) == (again.delivery, again.body)
        assert [post.data["events"][0]["after"]["name"] for post in (again, second)] == [
            "One", "Two",
        ]  # fmt: skip
        for post in receiver.posts:
            check_signature(post, secret.strip())
        _, shown, _ = await run(path, "deliveries", id)
        assert first.delivery in shown
        assert (await run(path, "test", id))[:2] == (0, "arrived: status 200\n")
        assert (await run(path, "remove", id))[0] == 0


async def test_what_is_listed(path: Path) -> None:
    async with receiving(lambda _: 500) as receiver:
        await run(path, "add", receiver.url, "--kind", "price_changed", "--model", "a/b")
        code, shown, _ = await run(path, "list")
        assert code == 0
        id = shown.splitlines()[1].split()[0]
        assert "price_changed, a/b" in shown
        assert "nothing delivered yet" in shown
        assert "whsec_" not in shown
        code, told, _ = await run(path, "test", id)
        assert (code, told) == (1, "status 500: as told\n")
        execute(path, "UPDATE webhooks SET paused_at = created_at, failing_since = created_at")
        assert "PAUSED" in (await run(path, "list"))[1]
        assert (await run(path, "resume", id))[0] == 0
        assert "PAUSED" not in (await run(path, "list"))[1]
        assert (await run(path, "remove", id))[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "http://example.com/"), "must begin with https://"),
        (("add", "https://127.0.0.1/"), "(AICOMPARE_WEBHOOK_TARGETS=any allows others)"),
        (("add", "https://localhost/"), "is not a public address"),
        (("add", "https://2130706433/"), "is not a public address"),
        (("remove", "nope"), "there is no webhook nope"),
        (("test", "nope"), "there is no webhook nope"),
        (("deliveries", "nope"), "there is no webhook nope"),
    ],
)
async def test_refusals_are_one_line(path: Path, arguments: tuple[str, ...], words: str) -> None:
    code, _, told = await run(path, *arguments, targets="public")
    assert code == 1
    assert words in told
    assert told.count("\n") == 1


async def test_an_unknown_kind_is_bad_usage(path: Path) -> None:
    assert (await run(path, "add", "https://example.com/", "--kind", "nope"))[0] == 2
