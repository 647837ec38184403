"""The SQL of ingest: whole tables of rows in a handful of statements, whatever their number.

Rows travel as one JSON document per table. Each carries in `given` one bit per column that its
source spoke of; the others keep what is stored. What a person locked or deleted is left alone, with
all that belongs to what is deleted; a price that jumps is held, and a row that is equal to what is
stored is not touched.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Generator, Sequence
from typing import Any, Final

import msgspec

from service.domain.pricing import FIGURES, PriceRow
from service.storage.database import Engine, Statement, Value
from service.storage.tables import (
    BY_NAME,
    FIGURE_BITS,
    MODELS,
    PRICING,
    PROVIDERS,
    TableSpec,
    derived_state,
    given_values,
    typed,
)

_ROWS: Final[dict[Engine, str]] = {
    "sqlite": "json_each(:rows)",
    "libsql": "json_each(:rows)",
    "postgres": "jsonb_array_elements(CAST(:rows AS jsonb))",
}
# Bytes of one document: a libSQL server takes a text of up to 4 MiB.
_LARGEST: Final = 4_000_000
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


def documents(table: TableSpec, rows: Sequence[msgspec.Struct]) -> Generator[None, None, list[str]]:
    """The rows as JSON: stored values by column, with place, `given` and what names them.

    Several documents where one would be larger than engines take. Yields after each row. Raises
    `InvalidRequest` for a figure that cannot be stored.
    """
    made: list[list[bytes]] = []
    size = _LARGEST
    for place, row in enumerate(rows):
        encoded = msgspec.json.encode(_encoded(table, place, row))
        if size + len(encoded) > _LARGEST:
            made.append([])
            size = 0
        made[-1].append(encoded)
        size += len(encoded) + 1
        yield
    return [f"[{b','.join(one).decode()}]" for one in made]


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
        "jumps": _jumps,
        "hold": _hold,
        "name_held": _name_held,
        "leave": _leave,
        "update": _update,
        "insert": _insert,
    }
    sql = steps[step](engine, BY_NAME[name])
    return sql, frozenset(re.findall(r":([a-z]+)", sql))


def _all_rows(engine: Engine, table: TableSpec) -> str:
    """The rows of the document, typed."""
    names = ["place", "given", *table.key, *table.columns]
    if table is PRICING:
        names.append("observed")
    columns = [typed(f"e.value ->> '{name}'", name) + f" AS {name}" for name in names]
    return f"SELECT {', '.join(columns)} FROM {_ROWS[engine]} AS e"


def _source(engine: Engine, table: TableSpec) -> str:
    """The rows of the document that belong to nothing deleted; observed ones that are news."""
    if table is PROVIDERS:
        return _all_rows(engine, table)
    offered = f"{_deleted_parent(engine, table, 'o')} IS NULL"
    if table is not PRICING:
        return f"SELECT o.* FROM ({_all_rows(engine, table)}) AS o WHERE {offered}"
    figures = (*FIGURES.values(), "state")
    merged = ", ".join(_merged(table, column, "o", "p", "0") for column in figures)
    return f"""
        SELECT o.* FROM ({_all_rows(engine, table)}) AS o
        WHERE {offered} AND (o.observed = 0 OR NOT EXISTS (
            SELECT 1 FROM pricing AS p WHERE p.id = {_applied("o")}
                AND ({merged}) IS NOT DISTINCT FROM ({", ".join(f"p.{c}" for c in figures)})
        ))
    """


def _deleted_parent(engine: Engine, table: TableSpec, row: str) -> str:
    """The id of the deleted model or provider that a row belongs to, else null.

    The provider is told by the id: a model that was left alone with it is not there to say.
    """

    def deleted(kind: str, id: str) -> str:
        return f"(SELECT d.id FROM {kind} AS d WHERE d.id = {id} AND d.deleted_at IS NOT NULL)"

    if table is MODELS:
        return deleted("providers", f"{row}.provider_id")
    model = f"{row}.model_id"
    provider = f"substr({model}, 1, instr({model}, '/') - 1)"
    if engine == "postgres":
        provider = f"split_part({model}, '/', 1)"
    return f"coalesce({deleted('models', model)}, {deleted('providers', provider)})"


def _applied(row: str) -> str:
    """The key of the stored price that applied on the day of a row."""
    return f"""(
        SELECT a.id FROM pricing AS a
        WHERE a.model_id = {row}.model_id AND a.service_tier = {row}.service_tier
            AND a.context_threshold = {row}.context_threshold AND a.deleted_at IS NULL
            AND a.effective_date <= {row}.effective_date
        ORDER BY a.effective_date DESC LIMIT 1
    )"""


def _merged(table: TableSpec, column: str, new: str, old: str, mask: str) -> str:
    """A column's value after a row was written over a stored one, locks left alone.

    A price without a state takes the one that its figures speak of.
    """
    bit = table.bits[column]
    merged = f"CASE WHEN ({new}.given & ~{mask} & {bit}) <> 0 THEN {new}.{column}"
    if table is PRICING and column == "state":
        figures = [_merged(table, figure, new, old, mask) for figure in FIGURES.values()]
        merged += (
            f" WHEN ({mask} & {bit}) = 0 AND ({new}.given & ~{mask} & {FIGURE_BITS}) <> 0"
            f" THEN {derived_state(figures)}"
        )
    return f"{merged} ELSE {old}.{column} END"


def _masks(table: TableSpec) -> str:
    """The locks of each row of the table, as bits of `given`."""
    bits = " ".join(f"WHEN '{name}' THEN {table.mask(name)}" for name in table.fields)
    return f"""(
        SELECT row_id, CAST(sum(CASE field {bits} ELSE 0 END) AS BIGINT) AS mask
        FROM locks WHERE table_name = '{table.name}' GROUP BY row_id
    )"""


def _same(table: TableSpec, one: str, other: str) -> str:
    return " AND ".join(f"{one}.{column} = {other}.{column}" for column in table.key)


def _over_stored(engine: Engine, table: TableSpec) -> str:
    """Rows that are stored already: merged values, and as `new_…` those that were sent."""
    mask = "coalesce(k.mask, 0)"
    merged = [f"{_merged(table, c, 'r', 's', mask)} AS {c}" for c in table.columns]
    sent = [f"r.{c} AS new_{c}" for c in table.columns]
    return f"""
        SELECT r.place, r.given, {mask} AS mask, s.id AS row_id, s.deleted_at,
            {", ".join((*merged, *sent))}
        FROM ({_source(engine, table)}) AS r
        JOIN {table.name} AS s ON {_same(table, "s", "r")}
        LEFT JOIN {_masks(table)} AS k ON k.row_id = CAST(s.id AS TEXT)
    """


def _named(row: str) -> str:
    return f"""
        h.batch_id = :batch AND h.table_name = 'pricing' AND h.place = {row}.place
        AND h.field = '' AND h.reason = 'held'
    """


def _held(row: str) -> str:
    return f"EXISTS (SELECT 1 FROM pipeline_left AS h WHERE {_named(row)})"


def _jumps(engine: Engine, table: TableSpec) -> str:
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
        FROM ({_source(engine, table)}) AS r
        JOIN pricing AS p ON p.id = {_applied("r")}
        LEFT JOIN {_masks(table)} AS k
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


def _hold(engine: Engine, table: TableSpec) -> str:
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
        FROM ({_all_rows(engine, table)}) AS r
        WHERE {_held("r")} AND NOT EXISTS (SELECT 1 FROM held_prices AS q WHERE {_SAME_HELD})
        ORDER BY r.place
    """


def _name_held(engine: Engine, table: TableSpec) -> str:
    """Give the prices that were named the key by which they are accepted or were rejected."""
    return f"""
        WITH r AS MATERIALIZED ({_all_rows(engine, table)}),
        n AS MATERIALIZED (
            SELECT r.place, (SELECT max(q.id) FROM held_prices AS q WHERE {_SAME_HELD}) AS id
            FROM r WHERE {_held("r")}
        )
        UPDATE pipeline_left AS h SET row_id = CAST(n.id AS TEXT) FROM n WHERE {_named("n")}
    """


def _bury(engine: Engine, table: TableSpec) -> str:
    """Name the rows that belong to what is deleted, by their own key where they are stored."""
    return f"""
        INSERT INTO pipeline_left (batch_id, table_name, place, row_id, field, reason)
        SELECT :batch, '{table.name}', r.place, coalesce(CAST(s.id AS TEXT), r.parent), '',
            'deleted'
        FROM (
            SELECT o.*, {_deleted_parent(engine, table, "o")} AS parent
            FROM ({_all_rows(engine, table)}) AS o
        ) AS r
        LEFT JOIN {table.name} AS s ON {_same(table, "s", "r")}
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
    unheld = f"AND NOT {_held('m')}" if table is PRICING else ""
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
    unheld = f"AND NOT {_held('r')}" if table is PRICING else ""
    return f"""
        INSERT INTO {table.name} ({", ".join(columns)})
        SELECT {", ".join(values)}
        FROM ({_source(engine, table)}) AS r
        WHERE NOT EXISTS (SELECT 1 FROM {table.name} AS t WHERE {_same(table, "t", "r")}) {unheld}
        ORDER BY {"r.effective_date, " if table is PRICING else ""}r.place
    """


def _encoded(table: TableSpec, place: int, row: msgspec.Struct) -> dict[str, Any]:
    """One row of the document."""
    values = given_values(table, row)
    given = 0
    encoded: dict[str, Any] = {"place": place}
    for column, value in values.items():
        given |= table.bits[column]
        if value is not None:
            encoded[column] = value
    encoded["given"] = given
    if isinstance(row, PriceRow):
        day = row.effective_date or row.observed_on
        encoded["model_id"] = row.model_id
        encoded["service_tier"] = row.service_tier
        encoded["context_threshold"] = row.context_threshold
        encoded["effective_date"] = None if day is None else day.isoformat()
        encoded["observed"] = int(row.observed_on is not None)
    else:
        for column in table.key:
            encoded[column] = getattr(row, column)
    return encoded
