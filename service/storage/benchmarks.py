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
    columns = "b.id AS score_id, b.model_id, l.number, {} AS place"
    if query.name is None:
        order, common = "b.benchmark_name, b.model_id", ""
        found, params = select(query, columns.format("NULL"))
        total, _ = select(query, "count(*)")
        narrow = f"{found} ORDER BY {order} LIMIT :page_size OFFSET :offset"
    else:
        order = f"{_BEST}, b.model_id"
        whole = ScoreFilter(name=query.name)
        ranked, params = select(whole, columns.format(f"rank() OVER (ORDER BY {_BEST})"))
        asked = ""
        if query.model is not None:
            asked, params["model"] = "WHERE model_id = :model", query.model
        common = f"WITH found AS MATERIALIZED (SELECT * FROM ({ranked}) AS r {asked})"
        total = "SELECT count(*) FROM found"
        narrow = "SELECT * FROM found ORDER BY place, model_id LIMIT :page_size OFFSET :offset"
    params |= {"page_size": query.page_size, "offset": (query.page - 1) * query.page_size}
    if as_of is not None:
        params["as_of"] = as_of.isoformat()
    # The total stands in each row, and in one without a score where the page is empty.
    rows, snapshot = await db.fetch(
        Statement(
            "benchmarks.page",
            f"""
            {common}
            SELECT {SCORE.select("b")}, s.place, m.name, m.provider_id, {PRICE.select("p")}, t.total
            FROM (SELECT ({total}) AS total) AS t
            LEFT JOIN ({narrow}) AS s ON 1 = 1
            LEFT JOIN benchmarks AS b ON b.id = s.score_id
            LEFT JOIN models AS m ON m.id = s.model_id
            LEFT JOIN listing AS l ON l.number = s.number
            LEFT JOIN pricing AS p ON p.id = {price_key(as_of)}
            ORDER BY {order}
            """,
            params,
        ),
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
        if row[0] is not None
    ]
    return ScorePage(scores, cast(int, rows[0][-1]), read_snapshot(snapshot))
