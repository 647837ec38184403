"""Prices: the history of a model, what applied on a day, what was believed at a moment."""

from __future__ import annotations

from typing import NamedTuple, cast

import msgspec

from service.domain.pricing import Price
from service.domain.queries import PriceFilter, PriceQuery
from service.domain.values import timestamp
from service.storage.database import Database, Statement, Value
from service.storage.mapping import PRICE
from service.storage.selection import day
from service.storage.snapshot import SNAPSHOT, Snapshot, read_snapshot

_NEWEST_FIRST = "p.effective_date DESC, p.model_id, p.service_tier, p.context_threshold"


class PricePage(NamedTuple):
    """A page of prices and the number of all that match."""

    prices: list[Price]
    total: int
    snapshot: Snapshot


def select(wanted: PriceFilter, columns: str) -> tuple[str, dict[str, Value]]:
    """The stored prices that a filter leaves, of models that are offered."""
    params: dict[str, Value] = {}
    where = ["p.deleted_at IS NULL"]
    for condition, name, value in (
        ("p.model_id =", "model", wanted.model),
        ("p.service_tier =", "service_tier", wanted.service_tier),
        ("p.effective_date >=", "from", day(wanted.from_)),
        ("p.effective_date <=", "to", day(wanted.to)),
        ("p.effective_date <=", "as_of", day(wanted.as_of)),
    ):
        if value is not None:
            where.append(f"{condition} :{name}")
            params[name] = value
    if wanted.as_of is not None:
        where.append(
            """NOT EXISTS (
                SELECT 1 FROM pricing AS n
                WHERE n.model_id = p.model_id AND n.service_tier = p.service_tier
                    AND n.context_threshold = p.context_threshold AND n.deleted_at IS NULL
                    AND n.effective_date > p.effective_date AND n.effective_date <= :as_of
            )"""
        )
    return (
        f"SELECT {columns} FROM pricing AS p JOIN listing AS l ON l.model_id = p.model_id"
        f" WHERE {' AND '.join(where)}",
        params,
    )


async def page(db: Database, query: PriceQuery) -> PricePage:
    """A page of prices, newest first, in one round trip."""
    rows_sql, params = select(query, PRICE.select("p"))
    total_sql, _ = select(query, "count(*)")
    rows, total, snapshot = await db.fetch(
        Statement(
            "pricing.page",
            f"{rows_sql} ORDER BY {_NEWEST_FIRST} LIMIT :page_size OFFSET :offset",
            params | {"page_size": query.page_size, "offset": (query.page - 1) * query.page_size},
        ),
        Statement("pricing.total", total_sql, params),
        SNAPSHOT,
    )
    return PricePage(
        [PRICE.read(row) for row in rows], cast(int, total[0][0]), read_snapshot(snapshot)
    )


async def believed(db: Database, wanted: PriceFilter) -> tuple[list[Price], Snapshot]:
    """The prices of one model as they stood in the service at `wanted.known_at`, newest first.

    They are read from the change log; filters apply to what was believed then.
    """
    assert wanted.known_at is not None
    rows, snapshot = await db.fetch(
        Statement(
            "pricing.believed",
            """
            SELECT c.after, c.changed_at FROM changes AS c
            WHERE c.revision IN (
                SELECT max(k.revision) FROM changes AS k
                WHERE k.model_id = :model AND k.table_name = 'pricing'
                    AND k.kind <> 'price_effective' AND k.changed_at <= :known_at
                GROUP BY k.row_id
            ) AND c.after IS NOT NULL
            """,
            {"model": wanted.model, "known_at": timestamp(wanted.known_at)},
        ),
        SNAPSHOT,
    )
    prices = []
    for after, changed_at in rows:
        columns = msgspec.json.decode(cast(str, after))
        if columns["deleted_at"] is None:
            prices.append(PRICE.read_logged(columns, cast(str, changed_at)))
    return _filtered(prices, wanted), read_snapshot(snapshot)


def _filtered(prices: list[Price], wanted: PriceFilter) -> list[Price]:
    """What `select` does in SQL, for prices out of the change log."""
    kept = [
        price
        for price in prices
        if (wanted.service_tier is None or price.service_tier == wanted.service_tier)
        and (wanted.from_ is None or price.effective_date >= wanted.from_.isoformat())
        and (wanted.to is None or price.effective_date <= wanted.to.isoformat())
        and (wanted.as_of is None or price.effective_date <= wanted.as_of.isoformat())
    ]
    kept.sort(key=lambda price: (price.service_tier, price.context_threshold))
    kept.sort(key=lambda price: price.effective_date, reverse=True)
    if wanted.as_of is not None:
        newest: dict[tuple[str, int], Price] = {}
        for price in kept:
            newest.setdefault((price.service_tier, price.context_threshold), price)
        kept = [price for price in kept if price in newest.values()]
    return kept
