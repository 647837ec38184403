"""Models: the pages of the list, one model, and ids near a wrong one."""

from __future__ import annotations

import datetime
from typing import Any, NamedTuple, cast

from service.domain.benchmarks import Score
from service.domain.models import CAPABILITIES, ModelDetail
from service.domain.pricing import Price
from service.domain.queries import Facet, Include, ModelQuery
from service.storage.database import Database, Row, Statement, Value
from service.storage.mapping import MODEL, PRICE, SCORE
from service.storage.matching import contains, like
from service.storage.selection import Selection, one_of, order, price_as_of
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
    keys_in_order = order(found, query.sort)
    keys = ", ".join(f"{column} AS key{i}" for i, (column, _) in enumerate(keys_in_order))
    by_keys = ", ".join(f"key{i} {direction}" for i, (_, direction) in enumerate(keys_in_order))
    ordered = ", ".join(f"{column} {direction}" for column, direction in keys_in_order)
    narrow = found.sql(f"l.model_id, l.price_id, {keys}") + (
        f"\nORDER BY {ordered} LIMIT :page_size OFFSET :offset"
    )
    params = found.params | {
        "page_size": query.page_size,
        "offset": (query.page - 1) * query.page_size,
    }
    price = "l.price_id" if as_of is None else price_as_of("l.model_id")
    if as_of is not None:
        params["as_of"] = as_of.isoformat()
    statements = [
        Statement(
            "models.page",
            f"""
            SELECT {MODEL.select("m")}, {PRICE.select("p")}
            FROM ({narrow}) AS l
            JOIN models AS m ON m.id = l.model_id
            LEFT JOIN pricing AS p ON p.id = {price}
            ORDER BY {by_keys}
            """,
            params,
        ),
        Statement("models.total", found.sql("count(*)"), found.params),
        SNAPSHOT,
        *_beside(query.include, f"SELECT model_id FROM ({narrow}) AS page", params),
        *(_facet(facet, found) for facet in query.facets),
    ]
    rows, totals, snapshot, *more = await db.fetch(*statements)
    included = [name for name in ("benchmarks", "history") if name in query.include]
    beside: dict[str, list[Row]] = dict(zip(included, more, strict=False))
    facets = dict(zip(query.facets, more[len(included) :], strict=True))
    return ModelPage(
        _details(rows, query.include, beside),
        cast(int, totals[0][0]),
        {name: _facet_counts(name, counts) for name, counts in facets.items()},
        read_snapshot(snapshot),
    )


async def get(
    db: Database, ids: tuple[str, ...], include: tuple[Include, ...], as_of: datetime.date | None
) -> tuple[list[ModelDetail], Snapshot]:
    """The models with these ids that are there, by id, in one round trip."""
    marks, params = one_of("id", ids)
    price = "l.price_id" if as_of is None else price_as_of("l.model_id")
    rows, snapshot, *more = await db.fetch(
        Statement(
            "models.get",
            f"""
            SELECT {MODEL.select("m")}, {PRICE.select("p")}
            FROM listing AS l
            JOIN models AS m ON m.id = l.model_id
            LEFT JOIN pricing AS p ON p.id = {price}
            WHERE l.model_id IN ({marks}) ORDER BY l.model_id
            """,
            params if as_of is None else params | {"as_of": as_of.isoformat()},
        ),
        SNAPSHOT,
        *_beside(include, marks, params),
    )
    included = [name for name in ("benchmarks", "history") if name in include]
    beside: dict[str, list[Row]] = dict(zip(included, more, strict=True))
    return _details(rows, include, beside), read_snapshot(snapshot)


async def nearest(db: Database, id: str) -> list[str]:
    """Ids that share the longer words of a wrong one: candidates, by id, 200 per word at most."""
    words = "".join(c if c.isalnum() else " " for c in id).lower().split()
    words = sorted({word for word in words if len(word) > 2}, key=lambda word: (-len(word), word))
    statements = []
    for word in words[:4]:
        condition, params = contains(db.engine, word)
        statements.append(
            Statement(
                "models.nearest",
                f"SELECT l.model_id FROM listing AS l WHERE {condition}"
                " ORDER BY CASE WHEN l.model_id LIKE :head ESCAPE '\\' THEN 0 ELSE 1 END,"
                " l.model_id LIMIT 200",
                params | {"head": f"{like(id.split('/', 1)[0].lower())}/%"},
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
    rows: list[Row], include: tuple[Include, ...], beside: dict[str, list[Row]]
) -> list[ModelDetail]:
    scores: dict[Any, list[Score]] = {}
    for row in beside.get("benchmarks", ()):
        score = SCORE.read(row)
        scores.setdefault(score.model_id, []).append(score)
    history: dict[Any, list[Price]] = {}
    for row in beside.get("history", ()):
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


def _facet(facet: Facet, found: Selection) -> Statement:
    if facet == "supports":
        sums = ", ".join(
            f"coalesce(sum(CASE WHEN (l.bits & {bit}) <> 0 THEN 1 ELSE 0 END), 0)"
            for bit in CAPABILITIES.values()
        )
        return Statement("models.facet", found.sql(sums), found.params)
    column = {"provider": "l.provider_id", "family": "l.family", "mode": "l.mode"}[facet]
    return Statement(
        "models.facet",
        found.sql(f"{column}, count(*)") + f"\nGROUP BY {column} ORDER BY count(*) DESC, {column}",
        found.params,
    )


def _facet_counts(facet: str, rows: list[Row]) -> dict[str, int]:
    if facet == "supports":
        return dict(zip(CAPABILITIES, cast("tuple[int, ...]", rows[0]), strict=True))
    return {cast(str, value): cast(int, count) for value, count in rows if value is not None}
