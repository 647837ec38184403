"""The change log, as triggers wrote it."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import msgspec

from service.domain.changes import Change, ChangedRow, ChangeKind, Table
from service.domain.queries import ChangeQuery
from service.storage.database import Database, Row, Statement, Value
from service.storage.mapping import MODEL, PRICE, PROVIDER, SCORE, Mapper
from service.storage.selection import one_of
from service.storage.snapshot import SNAPSHOT, Snapshot, read_snapshot

_MAPPERS: dict[str, Mapper[Any]] = {
    "providers": PROVIDER,
    "models": MODEL,
    "pricing": PRICE,
    "benchmarks": SCORE,
}


class ChangePage(NamedTuple):
    """Changes in their order, and the number of all that match from `since` on."""

    changes: list[Change]
    total: int
    snapshot: Snapshot


async def page(db: Database, query: ChangeQuery, *, newest_first: bool = False) -> ChangePage:
    """Up to `limit` changes after revision `since`, in one round trip."""
    params: dict[str, Value] = {"since": query.since}
    where = ["c.revision > :since"]
    if query.model is not None:
        where.append("c.model_id = :model")
        params["model"] = query.model
    for column, name, values in (
        ("c.table_name", "table", query.table),
        ("c.kind", "kind", query.kind),
    ):
        if values:
            marks, named = one_of(name, values)
            where.append(f"{column} IN ({marks})")
            params |= named
    condition = " AND ".join(where)
    rows, total, snapshot = await db.fetch(
        Statement(
            "changes.page",
            f"""
            SELECT c.revision, c.table_name, c.row_id, c.model_id, c.kind, c.before, c.after,
                c.actor, c.run_id, c.changed_at
            FROM changes AS c WHERE {condition}
            ORDER BY c.revision {"DESC" if newest_first else "ASC"} LIMIT :limit
            """,
            params | {"limit": query.limit},
        ),
        Statement("changes.total", f"SELECT count(*) FROM changes AS c WHERE {condition}", params),
        SNAPSHOT,
    )
    return ChangePage(
        [_change(row) for row in rows], cast(int, total[0][0]), read_snapshot(snapshot)
    )


class Touched(NamedTuple):
    """A changed row: its table and key, and the model it belongs to (None for a provider)."""

    table: str
    row_id: str
    model_id: str | None


async def touched(db: Database, since: int, limit: int) -> list[Touched]:
    """The rows changed after a revision, each once, at most `limit`."""
    (rows,) = await db.fetch(
        Statement(
            "changes.touched",
            """
            SELECT DISTINCT c.table_name, c.row_id, c.model_id FROM changes AS c
            WHERE c.revision > :since LIMIT :limit
            """,
            {"since": since, "limit": limit},
        )
    )
    return [Touched(*cast("tuple[str, str, str | None]", row)) for row in rows]


def _change(row: Row) -> Change:
    revision, table, id, model_id, kind, before, after, actor, run_id, changed_at = row
    return Change(
        revision=cast(int, revision),
        table=cast(Table, table),
        id=cast(str, id),
        model_id=cast("str | None", model_id),
        kind=cast(ChangeKind, kind),
        before=_logged(cast(str, table), before, cast(str, changed_at)),
        after=_logged(cast(str, table), after, cast(str, changed_at)),
        actor=cast(str, actor),
        run_id=cast("str | None", run_id),
        changed_at=cast(str, changed_at),
    )


def _logged(table: str, columns: Value, changed_at: str) -> ChangedRow | None:
    if columns is None:
        return None
    row = msgspec.json.decode(cast(str, columns))
    return cast(ChangedRow, _MAPPERS[table].read_logged(row, changed_at))
