"""Changes taken back, out of the log, on every engine."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from service.application import edits, ingest, undo
from service.domain.batches import Batch
from service.domain.changes import Table
from service.domain.edits import EDITS
from service.domain.models import ModelRow
from service.domain.pricing import PriceRow
from service.domain.providers import ProviderRow
from service.errors import InvalidRequest, NotFound, PreconditionFailed
from service.storage.database import Database, Statement
from service.storage.writing import Author
from tests.catalog import NOW

pytestmark = pytest.mark.anyio

ADA = Author("ada", NOW)
MODEL = ModelRow(
    provider_id="acme",
    model_id="one",
    name="One",
    release_date=datetime.date(2026, 1, 1),
    input_modalities=("text", "image"),
    supports_vision=True,
)
DAY = datetime.date(2026, 1, 1)


@pytest.fixture
async def db(stored: Database) -> Database:
    price = PriceRow(
        model_id="acme/one",
        effective_date=DAY,
        input_price=Decimal("1.5"),
        output_price=Decimal(3),
        state="subscription",
    )
    batch = Batch(
        providers=(ProviderRow(id="acme", name="Acme"),), models=(MODEL,), pricing=(price,)
    )
    await ingest.apply(stored, batch, actor="nightly", now=NOW)
    return stored


async def patch(db: Database, table: Table, id: str, **values: Any) -> int:
    body = EDITS[table].part(**values)
    revision = (await edits.patch(db, table, id, body, author=ADA)).meta.revision
    assert revision is not None
    return revision


async def row(db: Database, table: str) -> dict[str, Any]:
    [[names], [values]] = await db.fetch(
        Statement("test", "SELECT string_agg(field, ',') FROM locks"),
        Statement("test", f"SELECT * FROM {table}"),
    )
    return {"locked": names[0], "values": values}


async def test_an_edit_is_taken_back_and_again(db: Database) -> None:
    before = await row(db, "models")
    revision = await patch(
        db,
        "models",
        "acme/one",
        name="Two",
        input_modalities=("audio",),
        release_date=None,
        supports_vision=None,
        knowledge_cutoff="2025-07",
    )
    edited = await row(db, "models")
    answer = await undo.undo(db, revision, author=ADA)
    after = await row(db, "models")
    assert after["values"] == before["values"]
    assert "releaseDate" in after["locked"]
    assert answer.data.name == "One"
    assert answer.meta.revision is not None
    await undo.undo(db, answer.meta.revision, author=ADA)
    assert (await row(db, "models"))["values"] == edited["values"]


async def test_a_price_gets_its_figures_and_its_state_back(db: Database) -> None:
    before = await row(db, "pricing")
    revision = await patch(db, "pricing", "1", input_price=Decimal("0.000000001"))
    assert (await row(db, "pricing"))["values"] != before["values"]
    await undo.undo(db, revision, author=ADA)
    assert (await row(db, "pricing"))["values"] == before["values"]


async def test_deletion_restoration_and_making(db: Database) -> None:
    deleted = await edits.delete(db, "models", "acme/one", author=ADA)
    restored = await undo.undo(db, deleted.meta.revision or 0, author=ADA)
    assert (await row(db, "models"))["values"][-1] is None
    again = await undo.undo(db, restored.meta.revision or 0, author=ADA)
    assert (await row(db, "models"))["values"][-1] is not None
    await undo.undo(db, again.meta.revision or 0, author=ADA)
    price = PriceRow(
        model_id="acme/one",
        effective_date=datetime.date(2026, 2, 1),
        input_price=Decimal(2),
    )
    await ingest.apply(db, Batch(pricing=(price,)), actor="nightly", now=NOW)
    [[newest]] = await db.fetch(
        Statement("test", "SELECT max(revision) FROM changes WHERE table_name = 'pricing'")
    )
    await undo.undo(db, newest[0], author=ADA)
    [rows] = await db.fetch(
        Statement("test", "SELECT id FROM pricing WHERE deleted_at IS NOT NULL")
    )
    assert rows == [(2,)], "the new price goes, the one before it stays"


async def test_a_row_that_has_changed_since(db: Database) -> None:
    first = await patch(db, "models", "acme/one", name="Two")
    await patch(db, "models", "acme/one", license="mit")
    with pytest.raises(PreconditionFailed) as refused:
        await undo.undo(db, first, author=ADA)
    assert isinstance(refused.value.details, dict)
    assert refused.value.details["current"].license == "mit"
    answer = await undo.undo(db, first, author=ADA, confirmed=True)
    assert (answer.data.name, answer.data.license) == ("One", "mit")


async def test_what_cannot_be_undone(db: Database) -> None:
    with pytest.raises(NotFound, match="no change 999"):
        await undo.undo(db, 999, author=ADA)
    await db.batch(Statement("test", "DELETE FROM models WHERE id = 'acme/one'"))
    [rows] = await db.fetch(
        Statement("test", "SELECT revision FROM changes WHERE kind = 'model_deleted'")
    )
    with pytest.raises(InvalidRequest, match="removed from the database"):
        await undo.undo(db, rows[0][0], author=ADA)
