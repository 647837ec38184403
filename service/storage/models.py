"""Models: the pages of the list, one model, and ids near a wrong one."""

from __future__ import annotations

import datetime
from typing import Any, NamedTuple, cast

from service.domain.benchmarks import Score
from service.domain.models import ModelDetail
from service.domain.pricing import Price
from service.domain.queries import Include, ModelQuery
from service.storage import facets
from service.storage.database import Database, Row, Statement, Value
from service.storage.mapping import MODEL, PRICE, SCORE
from service.storage.matching import like, matching
from service.storage.paging import paging
from service.storage.selection import Selection, one_of, price_key
from service.storage.snapshot import SNAPSHOT, Snapshot, read_snapshot


class ModelPage(NamedTuple):
    """A page of models with the number of all that match, and the counts asked for."""

    models: list[ModelDetail]
    total: int
    facets: dict[str, dict[str, int]]
    snapshot: Snapshot


async def page(db: Database, query: ModelQuery, as_of: datetime.date | None) -> ModelPage:
    """One page with total, facets and what `include` names, in one round trip."""
    found = Selection(db.engine, query, as_of)
    offset = (query.page - 1) * query.page_size
    common, total, narrow, in_order = paging(found, query.sort, offset)
    if query.facets:
        total = "NULL"  # they say it too
    params = found.params | {"page_size": query.page_size, "offset": offset}
    # The total stands in each row, and in one without a model where the page is empty.
    page = Statement(
        "models.page",
        f"""
        {common}
        SELECT {MODEL.select("m")}, {PRICE.select("p")}, t.total
        FROM (SELECT ({total}) AS total) AS t
        LEFT JOIN ({narrow}) AS n ON 1 = 1
        LEFT JOIN listing AS l ON l.number = n.number
        LEFT JOIN models AS m ON m.id = n.id
        LEFT JOIN pricing AS p ON p.id = {price_key(as_of)}
        ORDER BY {in_order}
        """,
        params,
    )
    beside = _beside(query.include, f"{common} SELECT n.id FROM ({narrow}) AS n", params)
    rows, snapshot, *more = await db.fetch(
        page, SNAPSHOT, *beside, *facets.statements(found, query.facets)
    )
    models = [row for row in rows if row[0] is not None]
    counts = more[len(beside) :]
    return ModelPage(
        _details(models, query.include, more),
        facets.total(counts[0]) if query.facets else cast(int, rows[0][-1]),
        facets.read(query.facets, counts),
        read_snapshot(snapshot),
    )


async def get(
    db: Database, ids: tuple[str, ...], include: tuple[Include, ...], as_of: datetime.date | None
) -> tuple[list[ModelDetail], Snapshot]:
    """The models with these ids that are there, by id, in one round trip."""
    marks, params = one_of("id", ids)
    rows, snapshot, *more = await db.fetch(
        Statement(
            "models.get",
            f"""
            SELECT {MODEL.select("m")}, {PRICE.select("p")}
            FROM listing AS l
            JOIN models AS m ON m.id = l.model_id
            LEFT JOIN pricing AS p ON p.id = {price_key(as_of)}
            WHERE l.model_id IN ({marks}) ORDER BY l.model_id
            """,
            params if as_of is None else params | {"as_of": as_of.isoformat()},
        ),
        SNAPSHOT,
        *_beside(include, marks, params),
    )
    return _details(rows, include, more), read_snapshot(snapshot)


async def nearest(db: Database, id: str) -> list[str]:
    """Ids that share the longer words of a wrong one: candidates, 200 per word at most.

    First come those of its provider and those of that model at any provider.
    """
    head, tail = id.lower().split("/", 1)[0], id.lower().rsplit("/", 1)[-1]
    words = "".join(c if c.isalnum() else " " for c in id).lower().split()
    words = sorted({word for word in words if len(word) > 2}, key=lambda word: (-len(word), word))
    statements = []
    for word in words[:4]:
        start, condition, params = matching(db.engine, [word])
        statements.append(
            Statement(
                "models.nearest",
                f"SELECT l.model_id FROM {start} WHERE {condition}"
                " ORDER BY CASE WHEN l.model_id LIKE :head ESCAPE '\\'"
                " OR l.model_id LIKE :tail ESCAPE '\\' THEN 0 ELSE 1 END, l.model_id LIMIT 200",
                params | {"head": f"{like(head)}/%", "tail": f"%/{like(tail)}"},
            )
        )
    if not statements:
        return []
    return sorted({cast(str, row[0]) for rows in await db.fetch(*statements) for row in rows})


def _beside(include: tuple[Include, ...], ids: str, params: dict[str, Value]) -> list[Statement]:
    """Scores and price history of the models that a subquery or a list of placeholders names."""
    statements = []
    if "benchmarks" in include:
        statements.append(
            Statement(
                "models.benchmarks",
                f"""
                SELECT {SCORE.select("b")} FROM benchmarks AS b
                WHERE b.model_id IN ({ids}) AND b.deleted_at IS NULL
                ORDER BY b.model_id, b.benchmark_name
                """,
                params,
            )
        )
    if "history" in include:
        statements.append(
            Statement(
                "models.history",
                f"""
                SELECT {PRICE.select("p")} FROM pricing AS p
                WHERE p.model_id IN ({ids}) AND p.deleted_at IS NULL
                ORDER BY p.model_id, p.effective_date DESC, p.service_tier, p.context_threshold
                """,
                params,
            )
        )
    return statements


def _details(
    rows: list[Row], include: tuple[Include, ...], beside: list[list[Row]]
) -> list[ModelDetail]:
    """Models, each with what the answers to `_beside` have of it."""
    answers = iter(beside)
    scores: dict[Any, list[Score]] = {}
    for row in next(answers) if "benchmarks" in include else ():
        score = SCORE.read(row)
        scores.setdefault(score.model_id, []).append(score)
    history: dict[Any, list[Price]] = {}
    for row in next(answers) if "history" in include else ():
        price = PRICE.read(row)
        history.setdefault(price.model_id, []).append(price)
    details = []
    for row in rows:
        values = MODEL.values(row)
        if "pricing" in include:
            values["pricing"] = PRICE.read_optional(row, MODEL.width)
        if "benchmarks" in include:
            values["benchmarks"] = tuple(scores.get(row[0], ()))
        if "history" in include:
            values["history"] = tuple(history.get(row[0], ()))
        details.append(ModelDetail(**values))
    return details
