"""The listing follows what it is derived from, whatever is done to that and on whatever day."""

from __future__ import annotations

import datetime
import random

import pytest

from service.storage.database import Database
from service.storage.writing import Author, write
from tests.catalog import FLASH, MINI, NOW, O3, SONNET
from tests.parity.edits import edit
from tests.storage.test_database import rows, sql

pytestmark = pytest.mark.anyio

COLUMNS = (
    "model_id, provider_id, name_folded, search_text, family, mode, canonical, bits, deprecated, "
    "context_window, max_output, release_date, updated_at, price_id, price_date, next_price_date, "
    "input_price, output_price"
)
PERIODS = (
    "starts, ends, weeks, number, input_price, output_price, deprecated, bits, context_window, "
    "max_output, release_date"
)
DAY = datetime.timedelta(days=1)


async def check(database: Database) -> int:
    """Fail unless the listing and what belongs to it are as their sources say; its rows."""
    listing = await rows(database, f"SELECT {COLUMNS} FROM listing ORDER BY model_id")
    assert listing == await rows(
        database, f"SELECT {COLUMNS} FROM listing_source ORDER BY model_id"
    )
    counts = "SELECT bits, mode, family, deprecated, models FROM {} ORDER BY 1, 2, 3, 4"
    expected = await rows(database, counts.format("listing_counts_source"))
    assert await rows(database, counts.format("listing_counts")) == expected
    periods = f"SELECT {PERIODS} FROM {{}} ORDER BY number, starts"
    expected = await rows(database, periods.format("listing_prices_source"))
    assert await rows(database, periods.format("listing_prices")) == expected
    if database.engine != "postgres":
        await database.batch(
            sql("INSERT INTO listing_search (listing_search, rank) VALUES ('integrity-check', 1)")
        )
    return len(listing)


async def test_it_is_right_after_ingest(seeded: Database) -> None:
    assert await check(seeded) == 18


@pytest.mark.parametrize("seed", range(3))
async def test_it_follows_edits_by_hand(seeded: Database, seed: int) -> None:
    chance = random.Random(seed)
    sizes = set()
    for _ in range(40):
        await seeded.batch(*(sql(edit(chance)) for _ in range(chance.randint(1, 3))))
        sizes.add(await check(seeded))
    assert len(sizes) > 3


async def test_new_models_are_taken_as_one(seeded: Database) -> None:
    provider = "INSERT INTO providers (id, name) VALUES ('many', 'Many')"
    many = ", ".join(f"('many/{i}', 'many', '{i}', 'M {i}', 'm')" for i in range(300))
    columns = "id, provider_id, model_id, name, family"
    await seeded.batch(sql(provider), sql(f"INSERT INTO models ({columns}) VALUES {many}"))
    assert await check(seeded) == 318
    if seeded.engine == "postgres":  # where each change of a row leaves a version to read past
        [(place,)] = await rows(seeded, "SELECT ctid::text FROM listing_counts WHERE family = 'm'")
        assert str(place).startswith("(0,")  # not beyond the first page of versions
    await seeded.batch(sql("DELETE FROM models WHERE provider_id = 'many' AND name > 'M 2'"))
    await check(seeded)


async def test_a_provider_takes_its_models_away_and_back(seeded: Database) -> None:
    before = await rows(seeded, f"SELECT {COLUMNS} FROM listing ORDER BY model_id")
    await seeded.batch(sql("UPDATE providers SET deleted_at = 'x' WHERE id = 'openai'"))
    assert await check(seeded) == 14
    await seeded.batch(sql("UPDATE models SET family = family WHERE provider_id = 'openai'"))
    assert await check(seeded) == 14
    await seeded.batch(sql("UPDATE providers SET deleted_at = NULL WHERE id = 'openai'"))
    await check(seeded)
    assert await rows(seeded, f"SELECT {COLUMNS} FROM listing ORDER BY model_id") == before


async def day(database: Database, days: int) -> list[tuple[str, str]]:
    """Move to a day before or after today; prices that the log says came into force."""
    [[newest]] = await rows(database, "SELECT max(revision) FROM changes")
    await write(database, Author("clock", NOW + days * DAY))
    logged = await rows(
        database,
        "SELECT kind, model_id, actor, after FROM changes"
        f" WHERE revision > {newest} ORDER BY revision",
    )
    assert {(kind, actor) for kind, _, actor, _ in logged} <= {("price_effective", "clock")}
    await check(database)
    prices = await rows(database, "SELECT model_id, price_date FROM listing ORDER BY price_id")
    return [(model, date) for model, date in prices if model in {m for _, m, _, _ in logged}]


async def test_a_new_day_brings_prices_into_force(seeded: Database) -> None:
    assert await day(seeded, 0) == []
    assert await day(seeded, 1) == [(FLASH, "2026-11-23")]
    assert await day(seeded, 2) == []
    assert await day(seeded, 60) == [(SONNET, "2027-01-01")]


async def test_several_days_at_once_bring_each_price_once(seeded: Database) -> None:
    await seeded.batch(
        sql("INSERT INTO pricing (model_id, effective_date, input_price_per_million)"
            f" VALUES ('{FLASH}', '2026-12-01', 5), ('{FLASH}', '2026-12-24', 6)")
    )  # fmt: skip
    assert await day(seeded, 60) == [(SONNET, "2027-01-01"), (FLASH, "2026-12-24")]


async def test_the_clock_may_go_back(seeded: Database) -> None:
    """Prices that are not yet in force again are taken back; nothing is logged for that."""
    before = await rows(seeded, f"SELECT {COLUMNS} FROM listing ORDER BY model_id")
    assert await day(seeded, -200) == []
    old = dict(await rows(seeded, "SELECT model_id, price_date FROM listing"))
    assert (old[MINI], old[O3], old[SONNET]) == ("2025-08-07", "2025-06-10", "2025-09-29")
    await day(seeded, -2000)
    assert await rows(seeded, "SELECT count(*) FROM listing WHERE price_id IS NOT NULL") == [(0,)]
    await day(seeded, 0)
    assert await rows(seeded, f"SELECT {COLUMNS} FROM listing ORDER BY model_id") == before


async def test_a_failed_write_does_not_move_the_day(seeded: Database) -> None:
    with pytest.raises(Exception, match="already exists"):
        await write(
            seeded,
            Author("clock", NOW + 365 * DAY),
            sql("INSERT INTO providers (id, name) VALUES ('google', 'x')"),
        )
    assert await rows(seeded, "SELECT price_day, actor, now FROM catalog_state") == [
        ("2026-11-22", "sql", None)
    ]
    await check(seeded)
