"""Batches on every engine: what is created, changed and left alone, all of it or nothing."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from service.application import ingest
from service.domain.batches import Batch, TableCounts
from service.domain.pricing import PriceRow
from service.domain.providers import ProviderRow
from service.errors import Conflict, InvalidRequest
from service.storage.database import Database
from tests.catalog import FIRST, GPT, NOW, PRO, SONNET, STEPS, model, price, scores
from tests.storage.test_database import rows

pytestmark = pytest.mark.anyio

LATER = NOW + datetime.timedelta(minutes=1)
TABLES = ("providers", "models", "pricing", "benchmarks")


async def put(database: Database, **tables: Any) -> dict[str, tuple[int, int, int]]:
    """Write rows; created, updated and unchanged of each table that has any."""
    result = await ingest.apply(database, Batch(**tables), actor="test", now=LATER)
    counts: dict[str, TableCounts] = {table: getattr(result, table) for table in TABLES}
    return {
        table: (c.created, c.updated, c.unchanged)
        for table, c in counts.items()
        if c != TableCounts()
    }


async def state(database: Database) -> list[Any]:
    """Everything that a batch may change."""
    tables = [await rows(database, f"SELECT * FROM {table} ORDER BY id") for table in TABLES]
    return [*tables, await rows(database, "SELECT count(*), max(revision) FROM changes")]


async def test_new_rows_are_created_and_the_same_again_change_nothing(empty: Database) -> None:
    tables = {table: getattr(FIRST, table) for table in TABLES}
    sizes = {table: len(some) for table, some in tables.items()}
    first = await put(empty, **tables)
    assert first == {table: (size, 0, 0) for table, size in sizes.items()}
    before = await state(empty)
    assert await put(empty, **tables) == {table: (0, 0, size) for table, size in sizes.items()}
    assert await state(empty) == before


async def test_the_answer_names_the_newest_revision(empty: Database) -> None:
    batch = replace(FIRST, benchmarks=())
    result = await ingest.apply(empty, batch, actor="test", now=NOW)
    size = len(FIRST.providers) + len(FIRST.models) + len(FIRST.pricing)
    assert result.revision == size
    assert (await ingest.apply(empty, Batch(), actor="test", now=NOW)).revision == size


async def test_some_rows_changed(seeded: Database) -> None:
    assert await put(
        seeded,
        providers=(ProviderRow(id="openai", name="Open AI"), ProviderRow(id="new", name="New")),
        models=(
            model(GPT, "GPT-5", input_modalities="text image"),
            model(PRO, "Gemini 2.5 Pro", family="pro"),
        ),
        pricing=(price(GPT, "2025-08-07", "1.25", "11"), price(GPT, "2026-10-01", "1", "8")),
        benchmarks=tuple(scores("mmlu", {GPT: "0.9", SONNET: "0.891"})),
    ) == {
        "providers": (1, 1, 0), "models": (0, 1, 1), "pricing": (1, 1, 0), "benchmarks": (1, 0, 1),
    }  # fmt: skip
    stamps = await rows(seeded, "SELECT id FROM models WHERE updated_at LIKE '%:01:00.000Z'")
    assert stamps == [(PRO,)]


async def test_absent_members_keep_and_null_clears(seeded: Database) -> None:
    family, window = f"SELECT family, context_window FROM models WHERE id = '{SONNET}'", 200_000
    named = model(SONNET, "Claude", family=None, input_modalities="text image pdf")
    assert await put(seeded, models=(named,)) == {"models": (0, 1, 0)}
    assert await rows(seeded, family) == [(None, window)]

    figures = f"""SELECT input_price_per_million, output_price_per_million, cached_input_price,
        state, source_url FROM pricing WHERE model_id = '{SONNET}' AND context_threshold = 0
        AND service_tier = 'standard' AND effective_date = '2025-09-29'"""
    url = "https://example.com/docs"
    assert await rows(seeded, figures) == [
        (3_000_000_000, 15_000_000_000, 300_000_000, "paid", url)
    ]
    await put(seeded, pricing=(price(SONNET, "2025-09-29", "4"),))
    assert await rows(seeded, figures) == [
        (4_000_000_000, 15_000_000_000, 300_000_000, "paid", url)
    ]
    await put(seeded, pricing=(price(SONNET, "2025-09-29", "4", "15", None, source_url=None),))
    assert await rows(seeded, figures) == [(4_000_000_000, 15_000_000_000, None, "paid", None)]

    score = "SELECT score, unit, score_low FROM benchmarks WHERE score_low IS NOT NULL"
    assert await rows(seeded, score) == [(1451_000_000_000, "elo", 1440_500_000_000)]
    await put(seeded, benchmarks=tuple(scores("arena-overall", {GPT: "1450"}, unit=None)))
    assert await rows(seeded, score) == [(1450_000_000_000, None, 1440_500_000_000)]
    await put(seeded, benchmarks=tuple(scores("arena-overall", {GPT: "1450"}, score_low=None)))
    assert await rows(seeded, score) == []


@pytest.mark.parametrize(
    ("figures", "state"),
    [(("1", "2"), "paid"), (("0", "0"), "free"), (("0", None), "free"), ((None, None), "unknown"),
     (("0", "0", "1"), "paid"), ((), "unknown")],
)  # fmt: skip
async def test_a_price_has_the_state_that_its_figures_speak_of(
    seeded: Database, figures: tuple[str | None, ...], state: str
) -> None:
    await put(seeded, pricing=(price(GPT, "2026-11-01", *figures),))
    found = f"SELECT state FROM pricing WHERE model_id = '{GPT}' AND effective_date = '2026-11-01'"
    assert await rows(seeded, found) == [(state,)]
    assert await put(seeded, pricing=(price(GPT, "2026-11-01", *figures),)) == {
        "pricing": (0, 0, 1)
    }


def seen(id: str, day: str, *figures: str | None, **values: Any) -> PriceRow:
    row = price(id, day, *figures, **values)
    return replace(row, effective_date=None, observed_on=row.effective_date)


GOOD = ProviderRow(id="good", name="Good")
TWICE: dict[str, tuple[Any, ...]] = {
    "providers": (ProviderRow(id="p", name="a"), ProviderRow(id="p", name="b")),
    "models": (model("openai/x", "a"), model("openai/x", "b")),
    "pricing": (price(GPT, "2026-01-01", "1"), seen(GPT, "2026-01-01", "2")),
    "benchmarks": (*scores("b", {GPT: "1"}), *scores("b", {GPT: "2"})),
}  # fmt: skip


@pytest.mark.parametrize("table", TABLES)
async def test_a_row_that_comes_twice_is_refused(seeded: Database, table: str) -> None:
    before = await state(seeded)
    tables = {"providers": (GOOD,)} | {table: TWICE[table]}
    with pytest.raises(InvalidRequest, match=rf"{table}\[1\].* the same row as {table}\[0\]"):
        await put(seeded, **tables)
    assert await state(seeded) == before


@pytest.mark.parametrize(
    "tables",
    [
        {"models": (model("nobody-knows/x", "X"),)},
        {"pricing": (price("openai/none", "2026-01-01", "1"),)},
        {"benchmarks": tuple(scores("b", {"openai/none": "1"}))},
        # Only together with what is stored do these break a rule.
        {"pricing": (price(GPT, "2025-08-07", state="free"),)},
        {"benchmarks": tuple(scores("arena-overall", {GPT: "1461"}))},
    ],
)
async def test_a_conflict_leaves_nothing_behind(seeded: Database, tables: dict[str, Any]) -> None:
    before = await state(seeded)
    with pytest.raises(Conflict):
        await put(seeded, providers=(GOOD,), **tables)
    assert await state(seeded) == before


async def test_what_was_deleted_stays_deleted(seeded: Database) -> None:
    before = await state(seeded)
    await put(seeded, providers=FIRST.providers[9:10], models=FIRST.models[18:19])
    assert (FIRST.providers[9].id, FIRST.models[18].id) == ("gone", "openai/davinci")
    assert await state(seeded) == before


async def test_each_step_of_the_catalogue_can_be_repeated(seeded: Database) -> None:
    last = STEPS[2].batch
    before = await state(seeded)
    sizes = {table: len(getattr(last, table)) for table in TABLES if getattr(last, table)}
    again = await put(seeded, providers=last.providers, benchmarks=last.benchmarks)
    assert again == {table: (0, 0, size) for table, size in sizes.items()}
    assert await state(seeded) == before
