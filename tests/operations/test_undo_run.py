"""A whole run undone, on every engine: exactly what was before, refused where others came after."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from service.application import doctor, edits, ingest, runs
from service.application.undo import undo_run
from service.domain.batches import Batch
from service.domain.benchmarks import ScoreRow
from service.domain.edits import EDITS
from service.domain.models import ModelRow
from service.domain.pricing import PriceRow
from service.domain.providers import ProviderRow
from service.domain.runs import NewRun, RunEnd
from service.errors import Conflict, NotFound
from service.storage.database import Database
from service.storage.tables import TABLES
from service.storage.writing import Author
from tests.catalog import NOW
from tests.databases import copied, writing
from tests.engines import Server
from tests.operations.conftest import command, done
from tests.storage.test_database import rows

pytestmark = pytest.mark.anyio

LATER = NOW + datetime.timedelta(minutes=1)
DAY = datetime.date(2026, 11, 20)
# Everything that a run can do: make, change, correct, rename beyond ASCII, twice the same row.
FIRST = Batch(
    providers=(ProviderRow(id="new", name="New"), ProviderRow(id="zhipu", name="ÄÖ Straße")),
    models=(
        ModelRow(provider_id="new", model_id="one", name="One"),
        ModelRow(provider_id="openai", model_id="gpt-5", name="GPT-ß", family="x", license="mit"),
    ),
    pricing=(
        PriceRow(model_id="new/one", effective_date=DAY, input_price=Decimal(1)),
        PriceRow(model_id="openai/gpt-5", effective_date=DAY, input_price=Decimal("0.000000003")),
    ),
    benchmarks=(ScoreRow(model_id="openai/gpt-5", benchmark_name="new", score=Decimal(7)),),
)
SECOND = Batch(
    models=(ModelRow(provider_id="openai", model_id="gpt-5", name="Again", family="y"),),
    pricing=(PriceRow(model_id="openai/gpt-5", effective_date=DAY, input_price=Decimal(4)),),
)


async def push(db: Database, *batches: Batch) -> str:
    """A run of these batches."""
    author = Author("nightly", NOW)
    opened = await runs.open_run(db, NewRun(source="test"), author=author, abandoned=3600)
    for batch in batches:
        await ingest.push(db, opened.data.id, batch, author=author, factor=None)
    await runs.complete_run(db, opened.data.id, RunEnd(), author=author)
    return opened.data.id


async def state(db: Database) -> dict[str, list[Any]]:
    """All rows that are not deleted, but for when they were changed; the listing with them."""
    found = {}
    for table in TABLES:
        columns = ", ".join((*table.key, *table.columns))
        sql = f"SELECT {columns} FROM {table.name} WHERE deleted_at IS NULL ORDER BY id"
        found[str(table.name)] = await rows(db, sql)
    listed = "SELECT model_id, name_folded, price_id, input_price FROM listing ORDER BY model_id"
    found["listing"] = await rows(db, listed)
    return found


def undoer(number: int = 0) -> Author:
    return Author("undo", LATER + datetime.timedelta(minutes=number), runs.new_id())


async def test_undone_and_redone(written: Server) -> None:
    async with copied(written, "seeded") as engine, writing(engine) as db:
        before = await state(db)
        run = await push(db, FIRST, SECOND)
        after = await state(db)
        assert before != after
        author = undoer()
        revision, counts = await undo_run(db, run, author=author)
        assert await state(db) == before
        assert counts == {"providers": 2, "models": 2, "pricing": 2, "benchmarks": 1}
        log = f"SELECT count(*), max(revision) FROM changes WHERE run_id = '{author.run_id}'"
        assert await rows(db, log) == [(7, revision)]
        with pytest.raises(Conflict, match="later changes would be lost"):
            await undo_run(db, run, author=undoer(1))
        await undo_run(db, str(author.run_id), author=undoer(2))
        assert await state(db) == after
        checks = await doctor.examine(db, today=NOW.date())
        assert all(check.good for check in checks), checks


async def test_later_changes_are_named_and_lost_only_by_force(written: Server) -> None:
    async with copied(written, "seeded") as engine, writing(engine) as db:
        before = await state(db)
        run = await push(db, FIRST)
        body = EDITS["models"].part(license="apache-2.0")
        await edits.patch(db, "models", "openai/gpt-5", body, author=Author("ada", LATER))
        price = PriceRow(
            model_id="new/one", effective_date=datetime.date(2026, 11, 21), input_price=Decimal(2)
        )
        await push(db, Batch(pricing=(price,)))
        edited = await state(db)
        with pytest.raises(Conflict) as refused:
            await undo_run(db, run, author=undoer())
        assert "model_changed of openai/gpt-5 by ada" in refused.value.message
        assert "price_changed of" in refused.value.message
        assert await state(db) == edited
        await undo_run(db, run, author=undoer(1), force=True)
        left = await state(db)
        assert {**left, "pricing": []} == {**before, "pricing": []}


async def test_what_cannot_be_undone(written: Server) -> None:
    async with copied(written, "seeded") as engine, writing(engine) as db:
        with pytest.raises(NotFound, match="there is no run nope"):
            await undo_run(db, "nope", author=undoer())
        author = Author("nightly", NOW)
        opened = await runs.open_run(db, NewRun(source="test"), author=author, abandoned=3600)
        with pytest.raises(Conflict, match="still open"):
            await undo_run(db, opened.data.id, author=undoer())
        await runs.complete_run(db, opened.data.id, RunEnd(), author=author)
        with pytest.raises(Conflict, match="changed nothing"):
            await undo_run(db, opened.data.id, author=undoer())


async def test_the_command(written: Server) -> None:
    async with copied(written, "seeded") as engine:
        async with writing(engine) as db:
            before = await state(db)
            del before["listing"]  # that of today
            run = await push(db, FIRST)
        assert run in done(command(engine, "runs", "list"))
        said = done(command(engine, "runs", "undo", run))
        assert "2 providers, 2 models, 2 pricing, 1 benchmarks" in said
        async with writing(engine) as db:
            assert {**await state(db), **before} == await state(db)
        again = said.split("`")[1].split()[1:]
        done(command(engine, *again))
        assert "would be lost" in done(command(engine, "runs", "undo", run), 1)
