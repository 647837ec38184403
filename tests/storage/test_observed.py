"""Prices of which only the day is known on which they were seen: `observedOn`."""

from __future__ import annotations

from typing import Any

import pytest

from service.storage.database import Database
from tests.catalog import GPT, NOW, SONNET
from tests.storage.test_database import rows
from tests.storage.test_ingest import put, seen

pytestmark = pytest.mark.anyio


async def days(database: Database, id: str, **series: Any) -> list[tuple[str, int | None]]:
    """Beginnings and input prices of a series."""
    series = {"service_tier": "standard", "context_threshold": 0} | series
    where = " AND ".join(f"{column} = '{value}'" for column, value in series.items())
    return await rows(  # type: ignore[no-any-return]
        database,
        "SELECT effective_date, input_price_per_million / 1000000 FROM pricing"
        f" WHERE model_id = '{id}' AND {where} ORDER BY effective_date",
    )


async def test_an_observed_price_is_news_only_where_it_differs(seeded: Database) -> None:
    known = [("2025-08-07", 1250)]
    assert await days(seeded, GPT) == known
    # The same as what applies: nothing, not even for another source or the moment of the look.
    for row in (
        seen(GPT, "2026-11-20", "1.25", "10", "0.125"),
        seen(GPT, "2026-11-21", "1.25", source_url="https://other.example"),
        seen(GPT, "2026-11-21", verified_at=NOW),
    ):
        assert await put(seeded, pricing=(row,)) == {"pricing": (0, 0, 1)}
    assert await days(seeded, GPT) == known
    # Another price: from the day on which it was seen.
    assert await put(seeded, pricing=(seen(GPT, "2026-11-20", "1.5"),)) == {"pricing": (1, 0, 0)}
    known.append(("2026-11-20", 1500))
    assert await days(seeded, GPT) == known
    assert await put(seeded, pricing=(seen(GPT, "2026-11-22", "1.5"),)) == {"pricing": (0, 0, 1)}
    # What was seen before that is held against what applied then.
    assert await put(seeded, pricing=(seen(GPT, "2026-11-19", "1.25"),)) == {"pricing": (0, 0, 1)}
    # Seen otherwise on the same day: a correction of that day's row.
    assert await put(seeded, pricing=(seen(GPT, "2026-11-20", "1.4"),)) == {"pricing": (0, 1, 0)}
    known[-1] = ("2026-11-20", 1400)
    assert await days(seeded, GPT) == known


async def test_an_observed_price_without_any_before_it_begins_on_that_day(seeded: Database) -> None:
    tier: dict[str, Any] = {"service_tier": "flex"}
    row = seen(SONNET, "2026-11-20", "1", **tier)
    assert await put(seeded, pricing=(row,)) == {"pricing": (1, 0, 0)}
    assert await days(seeded, SONNET, **tier) == [("2026-11-20", 1000)]
    assert await put(seeded, pricing=(row,)) == {"pricing": (0, 0, 1)}
    row = seen(SONNET, "2025-01-01", "1", **tier)
    assert await put(seeded, pricing=(row,)) == {"pricing": (1, 0, 0)}
