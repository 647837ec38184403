"""Held prices: listed, accepted, rejected."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, cast

import msgspec

from service.domain.held import HeldPrice, HeldQuery, HeldStatus, ProposedPrice
from service.domain.pricing import FIGURES
from service.storage.database import Database, Row, Statement, Value
from service.storage.holding import HELD_COLUMNS
from service.storage.mapping import PRICE, Mapper
from service.storage.snapshot import SNAPSHOT, Snapshot, read_snapshot
from service.storage.tables import PRICING
from service.storage.upsert import write_rows
from service.storage.writing import Author, write

_PROPOSED: Final = Mapper(ProposedPrice, FIGURES)
_OWN: Final = (
    *("id", "model_id", "service_tier", "context_threshold", "effective_date"),
    *("status", "actor", "run_id", "held_at", "decided_at", "decided_by"),
)
_SELECT: Final = f"""
    SELECT {", ".join(f"h.{c}" for c in _OWN)}, r.source, {_PROPOSED.select("h")},
        {PRICE.select("p")}
    FROM held_prices AS h JOIN pricing AS p ON p.id = h.current_id
    LEFT JOIN pipeline_runs AS r ON r.id = h.run_id
"""


class HeldPage(NamedTuple):
    """A page of held prices, the oldest first, and the number of all that match."""

    held: list[HeldPrice]
    total: int
    snapshot: Snapshot


async def page(db: Database, query: HeldQuery) -> HeldPage:
    """A page of held prices."""
    params: dict[str, Value] = {"status": query.status}
    condition = "h.status = :status"
    if query.model is not None:
        condition += " AND h.model_id = :model"
        params["model"] = query.model
    rows, total, snapshot = await db.fetch(
        Statement(
            "held.page",
            f"{_SELECT} WHERE {condition} ORDER BY h.id LIMIT :page_size OFFSET :offset",
            {
                **params,
                "page_size": query.page_size,
                "offset": (query.page - 1) * query.page_size,
            },
        ),
        Statement("held.total", f"SELECT count(*) FROM held_prices AS h WHERE {condition}", params),
        SNAPSHOT,
    )
    return HeldPage([_read(row) for row in rows], cast(int, total[0][0]), read_snapshot(snapshot))


async def get(db: Database, id: int) -> HeldPrice | None:
    """One held price, None where there is none."""
    [rows] = await db.fetch(Statement("held.get", f"{_SELECT} WHERE h.id = :id", {"id": id}))
    return _read(rows[0]) if rows else None


async def accept(db: Database, id: int, author: Author) -> tuple[int, HeldPrice | None]:
    """Write a pending price in the author's name; the price, None where there is none.

    Raises `Conflict` where it is not pending or its model is deleted (`held_prices.status` is
    required).
    """
    [rows] = await db.fetch(
        Statement(
            "held.proposal",
            f"SELECT {', '.join(HELD_COLUMNS)} FROM held_prices WHERE id = :id",
            {"id": id},
        )
    )
    if not rows:
        return 0, None
    proposal = {c: v for c, v in zip(HELD_COLUMNS, rows[0], strict=True) if v is not None}
    document = msgspec.json.encode([{**proposal, "place": 0}]).decode()
    params: dict[str, Value] = {"batch": "", "now": author.moment}
    # Without what ingest would leave alone: it is a person who decides here.
    *_, update, insert = write_rows(db.engine, PRICING, document, params, hold=False)
    return await _decide(db, id, author, "accepted", update, insert)


async def reject(db: Database, id: int, author: Author) -> tuple[int, HeldPrice | None]:
    """Keep a pending price from ever being published. Raises as `accept` does."""
    return await _decide(db, id, author, "rejected")


async def _decide(
    db: Database, id: int, author: Author, status: HeldStatus, *statements: Statement
) -> tuple[int, HeldPrice | None]:
    revision, results = await write(
        db,
        author,
        Statement(
            "held.decide",
            """
            UPDATE held_prices
            SET status = CASE WHEN status = 'pending' AND (:status = 'rejected' OR EXISTS (
                    SELECT 1 FROM listing AS l WHERE l.model_id = held_prices.model_id
                )) THEN CAST(:status AS TEXT) END,
                decided_at = :now, decided_by = :actor
            WHERE id = :id
            """,
            {"id": id, "status": status, "now": author.moment, "actor": author.actor},
        ),
        *statements,
        Statement("held.get", f"{_SELECT} WHERE h.id = :id", {"id": id}),
    )
    rows = results[-1].rows
    return revision, _read(rows[0]) if rows else None


def _read(row: Row) -> HeldPrice:
    values: dict[str, Any] = dict(zip(_OWN, row, strict=False))
    start = len(_OWN)
    return HeldPrice(
        **values,
        source=cast("str | None", row[start]),
        proposed=_PROPOSED.read(row, start + 1),
        current=PRICE.read(row, start + 1 + _PROPOSED.width),
    )
