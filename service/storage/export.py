"""Tables in pieces, by key, so that an export of any size uses little memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeVar, cast

from service.domain.benchmarks import Score
from service.domain.models import Model
from service.domain.pricing import Price
from service.domain.providers import Provider
from service.domain.queries import ModelFilter, PriceFilter, ScoreFilter
from service.storage import benchmarks as stored_scores
from service.storage import pricing as stored_prices
from service.storage.database import Database, Statement, Value
from service.storage.mapping import MODEL, PRICE, PROVIDER, SCORE, Mapper
from service.storage.selection import Selection

PIECE = 1000

S = TypeVar("S", Model, Price, Provider, Score)


def providers(db: Database) -> AsyncIterator[list[Provider]]:
    """All providers, by id."""
    sql = f"SELECT {PROVIDER.select('p')} FROM providers AS p WHERE p.deleted_at IS NULL"
    return _pieces(db, "export.providers", PROVIDER, sql, {}, "p.id", "")


def models(db: Database, wanted: ModelFilter) -> AsyncIterator[list[Model]]:
    """The models that a filter leaves, by id."""
    found = Selection(db.engine, wanted, wanted.as_of)
    sql = (
        f"SELECT {MODEL.select('m')} FROM ({found.sql('l.model_id')}) AS l"
        " JOIN models AS m ON m.id = l.model_id WHERE 1 = 1"
    )
    return _pieces(db, "export.models", MODEL, sql, found.params, "m.id", "")


def pricing(db: Database, wanted: PriceFilter) -> AsyncIterator[list[Price]]:
    """The prices that a filter leaves, by key."""
    sql, params = stored_prices.select(wanted, PRICE.select("p"))
    return _pieces(db, "export.pricing", PRICE, sql, params, "p.id", 0)


def benchmarks(db: Database, wanted: ScoreFilter) -> AsyncIterator[list[Score]]:
    """The scores that a filter leaves, by key."""
    sql, params = stored_scores.select(wanted, SCORE.select("b"))
    return _pieces(db, "export.benchmarks", SCORE, sql, params, "b.id", 0)


async def _pieces(
    db: Database,
    name: str,
    mapper: Mapper[S],
    sql: str,
    params: dict[str, Value],
    key: str,
    start: Value,
) -> AsyncIterator[list[S]]:
    """Pieces of `PIECE` rows; each a round trip and a snapshot of its own."""
    after = start
    statement = f"{sql} AND {key} > :after ORDER BY {key} LIMIT {PIECE}"
    while True:
        (rows,) = await db.fetch(Statement(name, statement, params | {"after": after}))
        if rows:
            yield [mapper.read(row) for row in rows]
            after = cast(Any, rows[-1][0])
        if len(rows) < PIECE:
            return
