"""Scores of a benchmark beside prices, as narrow as a chart needs them."""

from __future__ import annotations

import datetime
from collections.abc import Collection
from typing import Literal, NamedTuple, cast

from service.domain.frontier import Point
from service.domain.queries import ModelFilter
from service.storage.database import Database, Statement
from service.storage.selection import Selection, one_of
from service.storage.snapshot import SNAPSHOT, Snapshot, read_snapshot


class Scores(NamedTuple):
    """Models that have a score in a benchmark and a known price, as stored, in no order."""

    points: list[Point[int]]
    # How many more have a score alone.
    unpriced: int
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
    """The scores of models that are not deprecated, with a figure of their price.

    One round trip, and of each model only what stands in an index.
    """
    found = Selection(db.engine, ModelFilter(benchmark=benchmark), as_of)
    columns = f"l.model_id, b.score, {found.column(f'l.{figure}')}, b.higher_is_better"
    rows, unit, snapshot = await db.fetch(
        Statement("frontier.scores", found.sql(columns), found.params),
        Statement(
            "frontier.unit",
            """
            SELECT unit FROM benchmarks
            WHERE benchmark_name = :benchmark AND deleted_at IS NULL LIMIT 1
            """,
            {"benchmark": benchmark},
        ),
        SNAPSHOT,
    )
    scored = cast("list[tuple[str, int, int | None, int]]", rows)
    points = [Point(id, score, price) for id, score, price, _ in scored if price is not None]
    return Scores(
        points,
        len(scored) - len(points),
        cast("str | None", unit[0][0]) if unit else None,
        all(higher for *_, higher in scored),
        read_snapshot(snapshot),
    )


async def names(db: Database, ids: Collection[str]) -> dict[str, str]:
    """The names of models by their ids."""
    if not ids:
        return {}
    marks, params = one_of("id", tuple(ids))
    (rows,) = await db.fetch(
        Statement("frontier.names", f"SELECT id, name FROM models WHERE id IN ({marks})", params)
    )
    return {cast(str, id): cast(str, name) for id, name in rows}
