"""Large batches are made ready by a program of their own, or here where it fails."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.errors import InvalidRequest
from service.http import preparing
from service.storage.ingest import Documents

pytestmark = pytest.mark.anyio

ROWS = [{"modelId": f"a/m{i}", "effectiveDate": "2026-11-02", "inputPrice": i} for i in range(3)]
BATCH = {
    "providers": [{"id": "a", "name": "A"}],
    "models": [{"providerId": "a", "modelId": f"m{i}", "name": f"M {i}"} for i in range(3)],
    "pricing": ROWS,
}


def body(**more: Any) -> bytes:
    return msgspec.json.encode(BATCH | more)


async def here(sent: bytes) -> Documents:
    assert len(sent) < 262_144
    return await preparing.ready(sent)


@pytest.fixture
def all_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "_LARGE", 0)


async def test_a_large_batch_is_made_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    small = await here(body())
    monkeypatch.setattr(preparing, "_LARGE", 0)
    monkeypatch.setattr(preparing, "in_slices", None)  # it is not made here
    assert await preparing.ready(body()) == small
    assert [len(rows) for rows in small.rows.values()] == [1, 1, 1, 0]


@pytest.mark.parametrize(
    "more",
    [
        {"pricing": [*ROWS, {"modelId": "a/m0", "inputPrice": "x"}, ROWS[0]]},
        {"pricing": [*ROWS, ROWS[0], ROWS[1] | {"inputPrice": -1}]},
        {"prices": []},
        {"models": 3},
    ],
)
async def test_it_is_refused_the_same(more: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidRequest) as small:
        await here(body(**more))
    monkeypatch.setattr(preparing, "_LARGE", 0)
    monkeypatch.setattr(preparing, "in_slices", None)
    with pytest.raises(InvalidRequest) as large:
        await preparing.ready(body(**more))
    assert (large.value.message, large.value.details) == (small.value.message, small.value.details)


@pytest.mark.usefixtures("all_are_large")
class TestWithoutTheProgram:
    async def test_it_cannot_be_started(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        assert (await preparing.ready(body())).sizes["pricing"] == 3

    async def test_it_ends_without_an_answer(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(sys, "executable", "/bin/true")
        assert (await preparing.ready(body())).sizes["pricing"] == 3
        assert "a batch is made ready in the process" in caplog.text

    async def test_it_is_killed(self, slow: Path) -> None:
        making = asyncio.create_task(preparing.ready(body()))
        os.kill(await started(slow), signal.SIGKILL)
        assert (await making).sizes["pricing"] == 3

    async def test_it_takes_too_long(self, slow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(preparing, "_DEADLINE", 0.5)
        before = children()
        assert (await preparing.ready(body())).sizes["pricing"] == 3
        async with asyncio.timeout(60):
            while children() - before:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def test_no_more_than_two_at_once(self, slow: Path) -> None:
        before = children()
        making = [asyncio.create_task(preparing.ready(body())) for _ in range(10)]
        async with asyncio.timeout(60):
            while len(children() - before) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        programs = children() - before
        assert len(programs) == 2
        for each in making:
            each.cancel()
        await asyncio.gather(*making, return_exceptions=True)
        for program in programs:
            await ended(program)

    async def test_it_ends_with_its_request(self, slow: Path) -> None:
        making = asyncio.create_task(preparing.ready(body()))
        process = await started(slow)
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making
        await ended(process)


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of Python, which says its process id in a file and does nothing."""
    program, told = tmp_path / "python", tmp_path / "pid"
    program.write_text(f"#!/bin/sh\necho $$ > {told}.new && mv {told}.new {told}\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    return told


def children() -> set[int]:
    own = os.getpid()
    return set(map(int, Path(f"/proc/{own}/task/{own}/children").read_text().split()))


async def started(told: Path) -> int:
    async with asyncio.timeout(60):
        while not told.exists():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return int(told.read_text())


async def ended(process: int) -> None:
    async with asyncio.timeout(60):
        while Path(f"/proc/{process}").exists():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
