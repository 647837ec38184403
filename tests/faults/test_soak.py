"""The short form of `make soak`: it has to pass, and be able to fail."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bench.soak import ENGINES, Soak, soak
from service.storage.database import Database, Statement
from tests.databases import copied, writing
from tests.engines import Server
from tests.processes import Serving
from tests.pushing import Pusher

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("own", ENGINES, indirect=True)
async def test_ten_seconds(own: Server, tmp_path: Path) -> None:
    one = await soak(own, tmp_path, 10, seed=1)
    assert one.counts["service killed"] >= 1
    assert len(one.pusher.acknowledged) > 2
    assert one.seen[0]
    print(one.table())


@pytest.mark.parametrize("own", ["sqlite"], indirect=True)
async def test_losses_are_found(own: Server, tmp_path: Path) -> None:
    """One batch missing, one in part, an edit undone, a change that no listener saw."""
    async with copied(own, "empty") as engine, writing(engine) as db:
        one = await harmed(own, db)
        wrong = " ".join(await one.compare(db))
    for words in (
        "acknowledged and not there: batches [7]",
        "there in part: [('p1', 1, 0)]",
        "edited-0 is named None, acknowledged was Name 3",
        "a listener saw 1 of 2 changes",
        "held 50 MiB once warm and 150 at the end",
    ):
        assert words in wrong


async def harmed(server: Server, db: Database) -> Soak:
    await db.batch(
        Statement("p", "INSERT INTO providers (id, name) VALUES ('p1', 'p1')"),
        Statement(
            "m",
            "INSERT INTO models (id, provider_id, model_id, name, input_modalities,"
            " output_modalities) VALUES ('p1/m0', 'p1', 'm0', 'm0', '', '')",
        ),
    )
    one = Soak(server, Serving({}, Path("log")), Pusher(""), 1, random.Random(1))
    one.pusher.acknowledged = {1: {}, 7: {}}
    one.edits = {"edited-0": "Name 3"}
    one.seen = [[1]]
    one.memory = [50, 50, 100, 100, 150, 150]
    return one
