"""Benchmark scores: by model, or as the ranking of one benchmark."""

from __future__ import annotations

import datetime
from typing import NamedTuple, cast

from service.domain.benchmarks import RankedScore
from service.domain.queries import ScoreFilter, ScoreQuery
from service.storage.database import Database, Statement, Value
from service.storage.mapping import PRICE, SCORE
from service.storage.selection import price_key
from service.storage.snapshot import SNAPSHOT, Snapshot, read_snapshot


class ScorePage(NamedTuple):
    """A page of scores and the number of all that match."""

    scores: list[RankedScore]
    total: int
    snapshot: Snapshot


def select(wanted: ScoreFilter, columns: str) -> tuple[str, dict[str, Value]]:
    """The scores that a filter leaves, of models that are offered."""
    params: dict[str, Value] = {}
    where = ["b.deleted_at IS NULL"]
    for condition, name, value in (
        ("b.model_id =", "model", wanted.model),
        ("b.benchmark_name =", "name", wanted.name),
    ):
        if value is not None:
            where.append(f"{condition} :{name}")
            params[name] = value
    return (
        f"SELECT {columns} FROM benchmarks AS b JOIN listing AS l ON l.model_id = b.model_id"
        f" WHERE {' AND '.join(where)}",
        params,
    )


# The best first, also where a low score is the good one.
_BEST = "CASE WHEN b.higher_is_better = 1 THEN -b.score ELSE b.score END"


async def page(db: Database, query: ScoreQuery, as_of: datetime.date | None) -> ScorePage:
    """A page of scores with model and price beside them, in one round trip.

    With `name` ranked from the best, places counted over the whole benchmark; otherwise by
    benchmark and model.
    """
    total_sql, filters = select(query, "count(*)")
    params = filters | {"page_size": query.page_size, "offset": (query.page - 1) * query.page_size}
    if query.name is None:
        rank, order = "NULL", "b.benchmark_name, b.model_id"
    else:
        ahead = _BEST.replace("b.", "a.")
        rank = f"""(
            SELECT count(*) + 1 FROM benchmarks AS a JOIN listing AS o ON o.model_id = a.model_id
            WHERE a.benchmark_name = b.benchmark_name AND a.deleted_at IS NULL
                AND {ahead} < {_BEST}
        )"""
        order = f"{_BEST}, b.model_id"
    if as_of is not None:
        params["as_of"] = as_of.isoformat()
    columns = f"b.id AS score_id, {rank} AS place"
    narrow, _ = select(query, columns)
    rows, total, snapshot = await db.fetch(
        Statement(
            "benchmarks.page",
            f"""
            SELECT {SCORE.select("b")}, s.place, m.name, m.provider_id, {PRICE.select("p")}
            FROM ({narrow} ORDER BY {order} LIMIT :page_size OFFSET :offset) AS s
            JOIN benchmarks AS b ON b.id = s.score_id
            JOIN models AS m ON m.id = b.model_id
            JOIN listing AS l ON l.model_id = b.model_id
            LEFT JOIN pricing AS p ON p.id = {price_key(as_of)}
            ORDER BY {order}
            """,
            params,
        ),
        Statement("benchmarks.total", total_sql, filters),
        SNAPSHOT,
    )
    scores = [
        RankedScore(
            **SCORE.values(row),
            rank=cast("int | None", row[SCORE.width]),
            model_name=cast(str, row[SCORE.width + 1]),
            provider_id=cast(str, row[SCORE.width + 2]),
            pricing=PRICE.read_optional(row, SCORE.width + 3),
        )
        for row in rows
    ]
    return ScorePage(scores, cast(int, total[0][0]), read_snapshot(snapshot))
