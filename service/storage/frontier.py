"""Scores of a benchmark beside prices, as narrow as a chart needs them."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Literal, NamedTuple, cast

from service.domain.decimals import from_billionths
from service.domain.pricing import FIGURES
from service.storage.database import Database, Statement, Value
from service.storage.selection import price_key
from service.storage.snapshot import SNAPSHOT, Snapshot, read_snapshot


class Scored(NamedTuple):
    """A model that is offered, its score and what it costs."""

    model_id: str
    name: str
    score: Decimal
    price: Decimal | None


class Scores(NamedTuple):
    """All scores of a benchmark, in no order."""

    scores: list[Scored]
    unit: str | None
    higher_is_better: bool
    snapshot: Snapshot


async def benchmarks(db: Database) -> list[str]:
    """The names of all benchmarks; found by jumps along the index of scores."""
    (rows,) = await db.fetch(
        Statement(
            "frontier.benchmarks",
            """
            WITH RECURSIVE names (name) AS (
                SELECT min(benchmark_name) FROM benchmarks WHERE deleted_at IS NULL
                UNION ALL
                SELECT (SELECT min(b.benchmark_name) FROM benchmarks AS b
                        WHERE b.benchmark_name > names.name AND b.deleted_at IS NULL)
                FROM names WHERE names.name IS NOT NULL
            )
            SELECT name FROM names WHERE name IS NOT NULL
            """,
        )
    )
    return [cast(str, name) for (name,) in rows]


async def scores(
    db: Database,
    benchmark: str,
    figure: Literal["input_price", "output_price"],
    as_of: datetime.date | None,
) -> Scores:
    """Every score of a benchmark with one figure of the current price, in one round trip."""
    params: dict[str, Value] = {"benchmark": benchmark}
    if as_of is not None:
        params["as_of"] = as_of.isoformat()
    rows, snapshot = await db.fetch(
        Statement(
            "frontier.scores",
            f"""
            SELECT b.model_id, m.name, b.score, p.{FIGURES[figure]}, b.unit, b.higher_is_better
            FROM benchmarks AS b
            JOIN listing AS l ON l.model_id = b.model_id
            JOIN models AS m ON m.id = b.model_id
            LEFT JOIN pricing AS p ON p.id = {price_key(as_of)}
            WHERE b.benchmark_name = :benchmark AND b.deleted_at IS NULL
            """,
            params,
        ),
        SNAPSHOT,
    )
    found = [
        Scored(
            cast(str, id),
            cast(str, name),
            from_billionths(cast(int, score)),
            None if price is None else from_billionths(cast(int, price)),
        )
        for id, name, score, price, *_ in rows
    ]
    *_, unit, higher_is_better = rows[0] if rows else (None, True)
    return Scores(found, cast("str | None", unit), bool(higher_is_better), read_snapshot(snapshot))
