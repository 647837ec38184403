"""The change log, as triggers wrote it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, cast

import msgspec

from service.domain.changes import Change, ChangedRow, ChangeKind, Table
from service.domain.queries import ChangeFilter, ChangeQuery
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

# Revisions that a follower of the log looks at in one step.
SPAN: Final = 10_000
_COLUMNS: Final = """c.revision, c.table_name, c.row_id, c.model_id, c.kind, c.before, c.after,
                c.actor, c.run_id, c.changed_at"""


class ChangePage(NamedTuple):
    """Changes in their order, and the number of all that match from `since` on."""

    changes: list[Change]
    total: int
    snapshot: Snapshot


async def page(db: Database, query: ChangeQuery, *, newest_first: bool = False) -> ChangePage:
    """Up to `limit` changes after revision `since`, in one round trip."""
    condition, params = _filter(query, query.since)
    rows, total, snapshot = await db.fetch(
        Statement(
            "changes.page",
            f"""
            SELECT {_COLUMNS} FROM changes AS c WHERE {condition}
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


async def get(db: Database, revision: int) -> Change | None:
    """One change by its revision, None where there is none."""
    [rows] = await db.fetch(
        Statement(
            "changes.get",
            f"SELECT {_COLUMNS} FROM changes AS c WHERE c.revision = :revision",
            {"revision": revision},
        )
    )
    return _change(rows[0]) if rows else None


async def newest_of(db: Database, table: Table, id: str) -> Change | None:
    """The newest change of a row, None where there is none."""
    [rows] = await db.fetch(
        Statement(
            "changes.newest_of",
            f"""
            SELECT {_COLUMNS} FROM changes AS c WHERE c.table_name = :table AND c.row_id = :id
            ORDER BY c.revision DESC LIMIT 1
            """,
            {"table": table, "id": id},
        )
    )
    return _change(rows[0]) if rows else None


class Followed(NamedTuple):
    """Changes in their order, and the revision up to which these are all that match."""

    changes: list[Change]
    revision: int


async def after(db: Database, wanted: ChangeFilter, since: int, limit: int) -> Followed:
    """Up to `limit` changes after revision `since`; it looks at no more than `SPAN` revisions.

    So a filter that little passes costs no scan of the log; go on from the revision returned.
    """
    condition, params = _filter(wanted, since)
    rows, snapshot = await db.fetch(
        Statement(
            "changes.after",
            f"""
            SELECT {_COLUMNS} FROM changes AS c WHERE {condition} AND c.revision <= :until
            ORDER BY c.revision LIMIT :limit
            """,
            params | {"until": since + SPAN, "limit": limit},
        ),
        SNAPSHOT,
    )
    changes = [_change(row) for row in rows]
    if len(changes) == limit:
        return Followed(changes, changes[-1].revision)
    # A replica may be behind the one that was asked before: never go back.
    return Followed(changes, max(since, min(since + SPAN, read_snapshot(snapshot).revision)))


def _filter(wanted: ChangeFilter, since: int) -> tuple[str, dict[str, Value]]:
    params: dict[str, Value] = {"since": since}
    where = ["c.revision > :since"]
    if wanted.model is not None:
        where.append("c.model_id = :model")
        params["model"] = wanted.model
    for column, name, values in (
        ("c.table_name", "table", wanted.table),
        ("c.kind", "kind", wanted.kind),
    ):
        if values:
            marks, named = one_of(name, values)
            where.append(f"{column} IN ({marks})")
            params |= named
    return " AND ".join(where), params


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
        before=logged_row(cast(str, table), before, cast(str, changed_at)),
        after=logged_row(cast(str, table), after, cast(str, changed_at)),
        actor=cast(str, actor),
        run_id=cast("str | None", run_id),
        changed_at=cast(str, changed_at),
    )


def logged_row(table: str, columns: Value, changed_at: str) -> ChangedRow | None:
    if columns is None:
        return None
    row = msgspec.json.decode(cast(str, columns))
    return cast(ChangedRow, _MAPPERS[table].read_logged(row, changed_at))
