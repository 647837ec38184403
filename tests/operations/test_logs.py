"""Log lines: what belongs to a request says so, what was slow says why, what is secret nowhere."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.logs import REQUEST_ID, Json, Text, fields
from service.metrics import Registry
from service.settings import Settings
from service.storage.database import Statement
from service.storage.measured import Calls, Measured
from service.storage.slow import Slow
from tests.databases import copied, reading, writing
from tests.engines import HTTP, Server
from tests.http.client import make_app, running
from tests.operations.serving import served

pytestmark = pytest.mark.anyio

MODEL = "/v1/models/anthropic/claude-sonnet-4-5"
PLANTED = "planted-secret-0123456789-abcdefghij"


def record(message: str, *arguments: Any, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("service.x", logging.INFO, "", 0, message, arguments, None)
    made.__dict__.update(fields(**extra))
    return made


def test_a_line_is_an_object_without_secrets() -> None:
    REQUEST_ID.set("find-me")
    try:
        raise ValueError(f"token {PLANTED}")
    except ValueError:
        failed = record("it is %s\nand more", PLANTED, plan=[f"a {PLANTED}"], status=200)
        failed.exc_info = sys.exc_info()
    line = Json([PLANTED]).format(failed)
    text = Text([PLANTED]).format(failed)
    REQUEST_ID.set("")
    assert "\n" not in line
    said = json.loads(line)
    assert said["time"].endswith("Z")
    assert (said["level"], said["logger"]) == ("info", "service.x")
    assert said["message"] == "it is ***\nand more"
    assert (said["request_id"], said["status"], said["plan"]) == ("find-me", 200, ["a ***"])
    assert "ValueError: token ***" in said["error"]
    assert PLANTED not in text
    assert "request_id=find-me" in text
    assert "status=200" in text


def lines(log: Path) -> Iterator[dict[str, Any]]:
    for line in log.read_text().splitlines():
        yield json.loads(line)


def test_a_server_logs_json_alone(url: str, tmp_path: Path) -> None:
    """Its own lines and Granian's, of two workers; requests by operation, without what they ask."""
    log = tmp_path / "log"
    settings = {"DATABASE_URL": url, "LOG_FORMAT": "json", "BOOTSTRAP_TOKEN": PLANTED}
    with served(log, "--workers", "2", **settings) as address:
        headers = {"x-request-id": "find-me", "authorization": f"Bearer {PLANTED}"}
        HTTP.get(f"{address}{MODEL}?fields=id", headers=headers)
        HTTP.post(f"{address}/v1/pipeline/runs", headers=headers, json={"source": "in-body"})
        HTTP.get(f"{address}/nope?token={PLANTED}")
        HTTP.get(f"{address}/health/live")
    found = list(lines(log))
    assert all({"time", "level", "logger", "message"} <= set(one) for one in found)
    requests = {one["operation"]: one for one in found if one["logger"] == "service.http.requests"}
    assert set(requests) == {"getModel", "openRun", "none"}
    one = requests["getModel"]
    assert (one["message"], one["status"]) == (f"GET '{MODEL}'", 200)
    assert one["request_id"] == "find-me"
    assert one["milliseconds"] > 0
    everything = log.read_text()
    for hidden in (PLANTED, "fields=id", "in-body", "token="):
        assert hidden not in everything


@pytest.mark.parametrize(
    ("access_log", "operations"),
    [("off", []), ("misses", ["getModel"]), ("all", ["getModel", "getModel"])],
)
async def test_which_requests_are_logged(
    url: str, caplog: pytest.LogCaptureFixture, access_log: Any, operations: list[str]
) -> None:
    caplog.set_level(logging.INFO)
    async with running(make_app(url, access_log=access_log)) as client:
        for _ in range(2):
            await client.get(MODEL, headers={"accept-encoding": "identity"})
        await client.get("/health/ready")
        await client.get("/metrics")
    said = [one.__dict__["fields"] for one in caplog.records if one.name.endswith("http.requests")]
    assert [one["operation"] for one in said] == operations


async def logged(caplog: pytest.LogCaptureFixture, number: int) -> list[dict[str, Any]]:
    """The slow queries, once there are so many."""
    for _ in range(6000):
        found = [one for one in caplog.records if one.message.startswith("slow query")]
        if len(found) >= number:
            return [one.__dict__["fields"] for one in found]
        await asyncio.sleep(0.01)
    raise AssertionError(caplog.text)


async def test_a_slow_query_is_logged_with_its_plan(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """On each engine; of a write as well, which has no effect a second time."""
    ask = Statement(
        "slow.read", "SELECT id FROM models WHERE name = :name", {"name": "private words"}
    )
    change = Statement(
        "slow.write",
        "UPDATE catalog_state SET actor = actor || :more WHERE id = 1",
        {"more": "private words"},
    )
    async with copied(server, "seeded") as engine:
        server.settle(engine)
        slow = Slow(0)
        async with reading(engine) as reader:
            measured = Measured(reader, Calls(Registry()), "reader", slow)
            await measured.fetch(ask)
            (read,) = await logged(caplog, 1)
        caplog.clear()
        async with writing(engine) as writer:
            before = await writer.fetch(Statement("actor", "SELECT actor FROM catalog_state"))
            measured = Measured(writer, Calls(Registry()), "writer", slow)
            await measured.batch(change)
            (written,) = await logged(caplog, 1)
            after = await writer.fetch(Statement("actor", "SELECT actor FROM catalog_state"))
    assert after[0][0][0] == f"{before[0][0][0]}private words", "written once"
    for said, name, role in ((read, ask.name, "reader"), (written, change.name, "writer")):
        assert (said["statement"], said["database"]) == (name, role)
        assert said["engine"] == server.name.removesuffix("-replica")
        assert said["milliseconds"] >= 0
        assert said["plan"][0].startswith(f"{name}: ")
        assert "models" in said["plan"][0] or "catalog_state" in said["plan"][0]
    assert "private" not in caplog.text


async def test_plans_are_asked_for_one_at_a_time(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async with copied(server, "empty") as engine:
        server.settle(engine)
        async with reading(engine) as reader:
            slow = Slow(0)
            measured = Measured(reader, Calls(Registry()), "reader", slow)
            one = Statement("slow.one", "SELECT 1")
            await asyncio.gather(*(measured.fetch(one) for _ in range(20)))
            assert len(slow._asking) <= 1
            said = await logged(caplog, 20)
            await slow.close()
    assert 1 <= sum("plan" in each for each in said) < 20


SECRETS = ("DATABASE_TOKEN", "PRIMARY_DATABASE_TOKEN", "BOOTSTRAP_TOKEN", "TOKEN")


def test_every_secret_may_come_from_a_file(tmp_path: Path) -> None:
    environment = {}
    for number, name in enumerate(SECRETS):
        path = tmp_path / name
        path.write_text(f"{PLANTED}{number}\n")
        environment[f"AICOMPARE_{name}_FILE"] = str(path)
    for name in ("DATABASE_URL", "PRIMARY_DATABASE_URL"):
        path = tmp_path / name
        path.write_text("https://db.example\n")
        environment[f"AICOMPARE_{name}_FILE"] = str(path)
    settings = Settings.from_environment(environment)
    assert [getattr(settings, name.lower()) for name in SECRETS] == [
        f"{PLANTED}{number}" for number in range(len(SECRETS))
    ]
    assert settings.database_url == settings.primary_database_url == "https://db.example"


def test_whatever_is_wrong_with_the_files_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    told = _run(
        "settings",
        DATABASE_TOKEN_FILE=str(tmp_path / "none"),
        PRIMARY_DATABASE_TOKEN_FILE=str(tmp_path / "empty"),
        TOKEN_FILE=str(tmp_path / "binary"),
        BOOTSTRAP_TOKEN=PLANTED,
        BOOTSTRAP_TOKEN_FILE=str(tmp_path / "empty"),
        REGION_FILE="x",
    )
    for words in (
        "none, which cannot be read: No such file or directory",
        "empty, which is empty",
        "binary, which is not text",
        "AICOMPARE_BOOTSTRAP_TOKEN and AICOMPARE_BOOTSTRAP_TOKEN_FILE are both set",
        "AICOMPARE_REGION_FILE is unknown",
    ):
        assert words in told
    assert told.count("\n") == 1
    assert PLANTED not in told


def _run(*arguments: str, **settings: str) -> str:
    """All that a command prints."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AICOMPARE_")}
    environment |= {f"AICOMPARE_{name}": value for name, value in settings.items()}
    done = subprocess.run(
        [sys.executable, "-c", "from service.cli import main; main()", *arguments],
        env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize(
    "url", ["postgresql://owner:{0}@127.0.0.1:9/aicompare", "http://127.0.0.1:9"]
)
@pytest.mark.parametrize(
    "arguments",
    [["settings"], ["doctor"], ["serve"], ["token", "list"], ["migrate", "status"]],
    ids=" ".join,
)
def test_no_command_tells_a_secret(
    tmp_path: Path, arguments: list[str], url: str, log_format: str
) -> None:
    """Whatever a driver says of a database that is away, at the most talkative level."""
    given = tmp_path / "token"
    given.write_text(PLANTED)
    settings = {"LOG_LEVEL": "debug", "LOG_FORMAT": log_format, "DATABASE_URL": url.format(PLANTED)}
    settings |= {"BOOTSTRAP_TOKEN_FILE": str(given), "DATABASE_DEADLINE": "2"}
    if url.startswith("http"):
        settings |= {"DATABASE_TOKEN": PLANTED}
    printed = _run(*arguments, **settings)
    assert printed
    assert PLANTED not in printed
