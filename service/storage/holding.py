"""Prices that jump: kept apart from what is written, until a person decides."""

from __future__ import annotations

from typing import Final

from service.domain.pricing import FIGURES
from service.storage.database import Engine
from service.storage.sent import all_rows, applied, masks, source
from service.storage.tables import PRICING, TableSpec

# What a held price is made of, besides its series.
HELD_COLUMNS: Final = (*PRICING.key, *PRICING.columns, "given", "observed")
# Where a row `r` is what waits or was rejected already as `q`.
_COMPARED: Final = (*FIGURES.values(), "state")
_SAME_HELD: Final = f"""
    q.model_id = r.model_id AND q.service_tier = r.service_tier
    AND q.context_threshold = r.context_threshold AND q.status IN ('pending', 'rejected')
    AND ((q.observed = 1 AND r.observed = 1) OR q.effective_date = r.effective_date)
    AND ({", ".join(f"q.{c}" for c in _COMPARED)})
        IS NOT DISTINCT FROM ({", ".join(f"r.{c}" for c in _COMPARED)})
"""


def jumps(engine: Engine, table: TableSpec) -> str:
    """Name the prices that differ too much from the one that applied on their day.

    Not those of days before the current price: they are history.
    """
    moved = []
    for figure in ("input_price_per_million", "output_price_per_million"):
        given = f"(r.given & ~coalesce(k.mask, 0) & {table.bits[figure]}) <> 0"
        new, old = f"r.{figure}", f"p.{figure}"
        # (b - 1) / factor >= a is b > a * factor, without leaving 64 bits.
        up = f"{new} > {old} AND ({new} - 1) / :factor >= {old}"
        down = f"{old} > {new} AND ({old} - 1) / :factor >= {new}"
        moved.append(f"{given} AND ({up} OR {down})")
    series = "n.model_id = r.model_id AND n.service_tier = r.service_tier"
    series += " AND n.context_threshold = r.context_threshold"
    return f"""
        INSERT INTO pipeline_left (batch_id, table_name, place, row_id, field, reason)
        SELECT :batch, 'pricing', r.place, CAST(p.id AS TEXT), '', 'held'
        FROM ({source(engine, table)}) AS r
        JOIN pricing AS p ON p.id = {applied("r")}
        LEFT JOIN {masks(table)} AS k
            ON k.row_id = CAST(p.id AS TEXT) AND p.effective_date = r.effective_date
        WHERE ({" OR ".join(moved)})
            AND NOT EXISTS (
                SELECT 1 FROM pricing AS n WHERE {series} AND (
                    (n.effective_date = r.effective_date AND n.deleted_at IS NOT NULL)
                    OR (n.effective_date > r.effective_date AND n.effective_date <= :today
                        AND n.deleted_at IS NULL)
                )
            )
    """


def hold(engine: Engine, table: TableSpec) -> str:
    """Queue the prices that were named, unless the same waits already or was rejected.

    The rows are walked once, and each looked up among the named: the other way round all of them
    would be walked for each name.
    """
    columns = ", ".join(HELD_COLUMNS)
    return f"""
        INSERT INTO held_prices (id, {columns}, current_id, actor, run_id, held_at)
        SELECT (SELECT coalesce(max(id), 0) FROM held_prices)
                + row_number() OVER (ORDER BY r.place),
            {", ".join(f"r.{c}" for c in HELD_COLUMNS)},
            (SELECT CAST(h.row_id AS BIGINT) FROM pipeline_left AS h WHERE {_named("r")}),
            :actor, :run, :now
        FROM ({all_rows(engine, table)}) AS r
        WHERE {is_held("r")} AND NOT EXISTS (SELECT 1 FROM held_prices AS q WHERE {_SAME_HELD})
        ORDER BY r.place
    """


def name_held(engine: Engine, table: TableSpec) -> str:
    """Give the prices that were named the key by which they are accepted or were rejected."""
    return f"""
        WITH r AS MATERIALIZED ({all_rows(engine, table)}),
        n AS MATERIALIZED (
            SELECT r.place, (SELECT max(q.id) FROM held_prices AS q WHERE {_SAME_HELD}) AS id
            FROM r WHERE {is_held("r")}
        )
        UPDATE pipeline_left AS h SET row_id = CAST(n.id AS TEXT) FROM n WHERE {_named("n")}
    """


def _named(row: str) -> str:
    return f"""
        h.batch_id = :batch AND h.table_name = 'pricing' AND h.place = {row}.place
        AND h.field = '' AND h.reason = 'held'
    """


def is_held(row: str) -> str:
    return f"EXISTS (SELECT 1 FROM pipeline_left AS h WHERE {_named(row)})"
