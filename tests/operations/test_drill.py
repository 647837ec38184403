"""The restore drill in short, on every engine; `make drill` takes the real catalogue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.databases import copied
from tests.engines import Server
from tests.operations.drill import STEPS, run

pytestmark = pytest.mark.anyio


async def test_the_drill(written: Server, servers: Callable[[str], Server], tmp_path: Path) -> None:
    other = servers("sqlite" if written.name == "postgres" else "postgres")
    elsewhere = other.new()
    try:
        async with copied(written, "seeded") as engine:
            times, _ = await run(engine, tmp_path, elsewhere, seed=False)
        assert set(times) == set(STEPS)
    finally:
        other.drop(elsewhere)
