"""The SQL of ingest: whole tables of rows in a handful of statements, whatever their number.

What a person locked or deleted is left alone, with all that belongs to what is deleted; a price
that jumps is held, and a row that is equal to what is stored is not touched.
"""

from __future__ import annotations

import functools
import re

from service.domain.pricing import FIGURES
from service.storage.database import Engine, Statement, Value
from service.storage.holding import hold, is_held, jumps, name_held
from service.storage.sent import all_rows, deleted_parent, masks, merged_value, same_key, source
from service.storage.tables import BY_NAME, PRICING, PROVIDERS, TableSpec, derived_state


def write_rows(
    engine: Engine, table: TableSpec, rows: str, params: dict[str, Value], *, hold: bool
) -> list[Statement]:
    """Write a document of rows, in the order of these statements, as a part of a batch.

    `params` has the `batch`, `now`, and for a table that holds `today`, `factor`, `actor`, `run`.
    """
    steps = [] if table is PROVIDERS else ["bury"]
    if hold and table is PRICING:
        steps += ["jumps", "hold", "name_held"]
    known = {**params, "rows": rows}
    return [
        Statement(f"ingest.{step}_{table.name}", sql, {name: known[name] for name in sorted(names)})
        for step in (*steps, "leave", "update", "insert")
        for sql, names in (_sql(engine, table.name, step),)
    ]


@functools.cache
def _sql(engine: Engine, name: str, step: str) -> tuple[str, frozenset[str]]:
    """The text of a step, and the parameters in it: servers refuse others."""
    steps = {
        "bury": _bury,
        "jumps": jumps,
        "hold": hold,
        "name_held": name_held,
        "leave": _leave,
        "update": _update,
        "insert": _insert,
    }
    sql = steps[step](engine, BY_NAME[name])
    return sql, frozenset(re.findall(r":([a-z]+)", sql))


def _over_stored(engine: Engine, table: TableSpec) -> str:
    """Rows that are stored already: merged values, and as `new_…` those that were sent."""
    mask = "coalesce(k.mask, 0)"
    merged = [f"{merged_value(table, c, 'r', 's', mask)} AS {c}" for c in table.columns]
    sent = [f"r.{c} AS new_{c}" for c in table.columns]
    return f"""
        SELECT r.place, r.given, {mask} AS mask, s.id AS row_id, s.deleted_at,
            {", ".join((*merged, *sent))}
        FROM ({source(engine, table)}) AS r
        JOIN {table.name} AS s ON {same_key(table, "s", "r")}
        LEFT JOIN {masks(table)} AS k ON k.row_id = CAST(s.id AS TEXT)
    """


def _bury(engine: Engine, table: TableSpec) -> str:
    """Name the rows that belong to what is deleted, by their own key where they are stored."""
    return f"""
        INSERT INTO pipeline_left (batch_id, table_name, place, row_id, field, reason)
        SELECT :batch, '{table.name}', r.place, coalesce(CAST(s.id AS TEXT), r.parent), '',
            'deleted'
        FROM (
            SELECT o.*, {deleted_parent(engine, table, "o")} AS parent
            FROM ({all_rows(engine, table)}) AS o
        ) AS r
        LEFT JOIN {table.name} AS s ON {same_key(table, "s", "r")}
        WHERE r.parent IS NOT NULL
    """


def _leave(engine: Engine, table: TableSpec) -> str:
    """Name what locks and deletions leave alone."""
    withheld = " ".join(
        f"WHEN '{name}' THEN (m.given & {table.bits[c]}) <> 0 AND m.new_{c} IS DISTINCT FROM m.{c}"
        for name, c in table.fields.items()
    )
    return f"""
        INSERT INTO pipeline_left (batch_id, table_name, place, row_id, field, reason)
        SELECT DISTINCT :batch, '{table.name}', m.place, CAST(m.row_id AS TEXT),
            CASE WHEN m.deleted_at IS NULL AND {table.rule} THEN k.field ELSE '' END,
            CASE WHEN m.deleted_at IS NULL THEN 'locked' ELSE 'deleted' END
        FROM ({_over_stored(engine, table)}) AS m
        LEFT JOIN locks AS k
            ON k.table_name = '{table.name}' AND k.row_id = CAST(m.row_id AS TEXT)
        WHERE m.deleted_at IS NOT NULL
            OR (m.mask <> 0 AND NOT {table.rule})
            OR CASE k.field {withheld} ELSE FALSE END
    """


def _update(engine: Engine, table: TableSpec) -> str:
    """Write over stored rows; a lock must not make a row that breaks the schema's rules.

    It is an INSERT where every row is there already, and no UPDATE: only an INSERT goes by an order
    that can be told, and the change log with it.
    """
    unheld = f"AND NOT {is_held('m')}" if table is PRICING else ""
    keys = [column for column in table.key if column != "id"]
    return f"""
        INSERT INTO {table.name} ({", ".join(("id", *keys, *table.columns, "updated_at"))})
        SELECT t.id, {", ".join((*(f"t.{c}" for c in keys), *(f"m.{c}" for c in table.columns)))},
            :now
        FROM ({_over_stored(engine, table)}) AS m
        JOIN {table.name} AS t ON t.id = m.row_id
        WHERE m.deleted_at IS NULL AND (m.mask = 0 OR {table.rule}) {unheld}
            AND ({", ".join(f"m.{c}" for c in table.columns)})
                IS DISTINCT FROM ({", ".join(f"t.{c}" for c in table.columns)})
        ORDER BY m.place
        ON CONFLICT (id) DO UPDATE
        SET {", ".join(f"{c} = excluded.{c}" for c in (*table.columns, "updated_at"))}
    """


def _insert(engine: Engine, table: TableSpec) -> str:
    """Make the rows that are not there, in the order of the batch; older prices before newer ones.

    Postgres logs the rows of a statement after the last of them, others each at once: only in this
    order does either find the same price before a new one.
    """
    new = {c: f"r.{c}" for c in table.columns}
    if table is PRICING:
        derived = derived_state([f"r.{figure}" for figure in FIGURES.values()])
        new["state"] = f"coalesce(r.state, {derived})"
    new |= {c: f"coalesce(r.{c}, {default})" for c, default in table.defaults.items()}
    columns = [*table.key, *table.columns, "created_at", "updated_at"]
    values = [*(f"r.{c}" for c in table.key), *new.values(), ":now", ":now"]
    if table.numbered:
        columns.insert(0, "id")
        values.insert(
            0,
            f"(SELECT coalesce(max(id), 0) FROM {table.name})"
            " + row_number() OVER (ORDER BY r.place)",
        )
    unheld = f"AND NOT {is_held('r')}" if table is PRICING else ""
    return f"""
        INSERT INTO {table.name} ({", ".join(columns)})
        SELECT {", ".join(values)}
        FROM ({source(engine, table)}) AS r
        WHERE NOT EXISTS (
            SELECT 1 FROM {table.name} AS t WHERE {same_key(table, "t", "r")}
        ) {unheld}
        ORDER BY {"r.effective_date, " if table is PRICING else ""}r.place
    """
