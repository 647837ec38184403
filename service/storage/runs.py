"""Pipeline runs: opened, closed, given up, listed."""

from __future__ import annotations

import datetime
from typing import Any, Final, NamedTuple, cast

import msgspec

from service.domain.batches import TableCounts
from service.domain.runs import Run, RunDetail, RunQuery
from service.domain.values import timestamp
from service.storage.database import Database, Row, Statement, Value
from service.storage.ingest import left_of, read_left
from service.storage.snapshot import SNAPSHOT, Snapshot, read_snapshot
from service.storage.writing import Author, Once, claim, write

# What a run did so far, out of its batches.
_COUNTS: Final = """(
    SELECT '{' || coalesce(string_agg(q.one, ','), '') || '}' FROM (
        SELECT '"' || c.table_name || '":{"created":' || sum(c.created)
            || ',"updated":' || sum(c.updated) || ',"unchanged":' || sum(c.unchanged)
            || ',"locked":' || sum(c.locked) || ',"held":' || sum(c.held) || '}' AS one
        FROM pipeline_batches AS b JOIN pipeline_counts AS c ON c.batch_id = b.id
        WHERE b.run_id = r.id GROUP BY c.table_name ORDER BY c.table_name
    ) AS q
)"""
_MODELS: Final = """(
    SELECT count(DISTINCT c.model_id) FROM pipeline_batches AS b
    JOIN changes AS c ON c.revision > b.first_revision AND c.revision <= b.last_revision
    WHERE b.run_id = r.id
)"""
_COLUMNS: Final = f"""
    r.id, r.status, r.source, r.actor, r.started_at, r.completed_at,
    CASE WHEN r.status = 'running' THEN {_MODELS} ELSE r.models_updated END,
    CASE WHEN r.status = 'running' THEN {_COUNTS} ELSE r.counts END,
    r.errors, r.created_at
"""
_ACTIVE: Final = """coalesce(
    (SELECT max(b.pushed_at) FROM pipeline_batches AS b WHERE b.run_id = r.id), r.started_at
)"""
_APPENDED: Final = """
    CASE WHEN r.errors = '[]' THEN '[' ELSE substr(r.errors, 1, length(r.errors) - 1) || ',' END
        || :errors || ']'
"""
_KEYS_KEPT: Final = datetime.timedelta(days=7)


class RunPage(NamedTuple):
    """A page of runs, the newest first, and the number of all that match."""

    runs: list[Run]
    total: int
    snapshot: Snapshot


def opening(author: Author, source: str | None) -> Statement:
    """Makes the author's run."""
    return Statement(
        "runs.open",
        """
        INSERT INTO pipeline_runs (id, source, actor, started_at, created_at)
        VALUES (:run, :source, :actor, :now, :now)
        """,
        {
            "run": author.run_id,
            "source": source,
            "actor": author.actor,
            "now": author.moment,
        },
    )


def closing(author: Author, status: str, errors: tuple[Any, ...] = ()) -> Statement:
    """Closes the author's run, if it is open; errors are added to those it has."""
    encoded = ",".join(msgspec.json.encode(error).decode() for error in errors)
    appended = f"errors = {_APPENDED}," if errors else ""
    params: dict[str, Value] = {"run": author.run_id, "status": status, "now": author.moment}
    return Statement(
        "runs.close",
        f"""
        UPDATE pipeline_runs AS r
        SET status = :status, completed_at = :now, {appended}
            counts = {_COUNTS}, models_updated = {_MODELS}
        WHERE r.id = :run AND r.status = 'running'
        """,
        params | ({"errors": encoded} if errors else {}),
    )


async def open_run(
    db: Database, author: Author, source: str | None, once: Once | None
) -> tuple[int, Run]:
    """Open the author's run. Raises `Conflict` where the key was used."""
    assert author.run_id is not None
    revision, results = await write(
        db,
        author,
        *claim(once, author, author.run_id),
        opening(author, source),
        _one(author.run_id),
    )
    return revision, _read(results[-1].rows[0])


async def close_run(
    db: Database, author: Author, status: str, errors: tuple[Any, ...]
) -> tuple[int, RunDetail | None]:
    """Close the author's run if it is open; the run as it is then, None where there is none."""
    assert author.run_id is not None
    details = _detail(author.run_id)
    revision, results = await write(db, author, closing(author, status, errors), *details)
    return revision, _read_detail([result.rows for result in results[1:]])


async def add_error(db: Database, author: Author, error: Any) -> None:
    """Keep an error of the author's run, while it is open."""
    await write(
        db,
        author,
        Statement(
            "runs.add_error",
            f"""
            UPDATE pipeline_runs AS r SET errors = {_APPENDED}
            WHERE r.id = :run AND r.status = 'running' AND length(r.errors) < 100000
            """,
            {"run": author.run_id, "errors": msgspec.json.encode(error).decode()},
        ),
    )


async def close_abandoned(db: Database, now: datetime.datetime, after: float) -> int:
    """Close as failed the runs that nothing came from for `after` seconds; how many there were.

    Forgets idempotency keys that are a week old as well.
    """
    error = {"code": "abandoned", "message": f"nothing came for {after:g} s"}
    _, [closed, _] = await write(
        db,
        Author("service", now),
        Statement(
            "runs.close_abandoned",
            f"""
            UPDATE pipeline_runs AS r
            SET status = 'failed', completed_at = :now, errors = {_APPENDED},
                counts = {_COUNTS}, models_updated = {_MODELS}
            WHERE r.status = 'running' AND {_ACTIVE} < :before
            """,
            {
                "now": timestamp(now),
                "before": timestamp(now - datetime.timedelta(seconds=after)),
                "errors": msgspec.json.encode(error).decode(),
            },
        ),
        Statement(
            "runs.forget_keys",
            "DELETE FROM idempotency_keys WHERE created_at < :before",
            {"before": timestamp(now - _KEYS_KEPT)},
        ),
    )
    return closed.affected


async def any_abandoned(db: Database, now: datetime.datetime, after: float) -> bool:
    """Whether there are runs for `close_abandoned` to close."""
    [[(found,)]] = await db.fetch(
        Statement(
            "runs.any_abandoned",
            f"""
            SELECT count(*) FROM pipeline_runs AS r
            WHERE r.status = 'running' AND {_ACTIVE} < :before
            """,
            {"before": timestamp(now - datetime.timedelta(seconds=after))},
        )
    )
    return bool(found)


async def page(db: Database, query: RunQuery) -> RunPage:
    """A page of runs, the newest first."""
    where, params = "", {}
    if query.status is not None:
        where, params = "WHERE r.status = :status", {"status": query.status}
    rows, total, snapshot = await db.fetch(
        Statement(
            "runs.page",
            f"""
            SELECT {_COLUMNS} FROM pipeline_runs AS r {where}
            ORDER BY r.started_at DESC, r.id LIMIT :page_size OFFSET :offset
            """,
            {
                **params,
                "page_size": query.page_size,
                "offset": (query.page - 1) * query.page_size,
            },
        ),
        Statement("runs.total", f"SELECT count(*) FROM pipeline_runs AS r {where}", params),
        SNAPSHOT,
    )
    return RunPage([_read(row) for row in rows], cast(int, total[0][0]), read_snapshot(snapshot))


async def get(db: Database, id: str) -> tuple[RunDetail | None, Snapshot]:
    """One run, None where there is none."""
    *details, snapshot = await db.fetch(*_detail(id), SNAPSHOT)
    return _read_detail(details), read_snapshot(snapshot)


async def span(db: Database, id: str) -> tuple[int, int] | None:
    """The revision before the first batch of a run and the one of its last; None without any."""
    [[(first, last)]] = await db.fetch(
        Statement(
            "runs.span",
            """
            SELECT min(first_revision), max(last_revision) FROM pipeline_batches
            WHERE run_id = :run
            """,
            {"run": id},
        )
    )
    return None if last is None else (cast(int, first), cast(int, last))


def _one(id: str) -> Statement:
    return Statement(
        "runs.get", f"SELECT {_COLUMNS} FROM pipeline_runs AS r WHERE r.id = :run", {"run": id}
    )


def _detail(id: str) -> list[Statement]:
    own: dict[str, Value] = {"run": id}
    batches = "SELECT id FROM pipeline_batches WHERE run_id = :run"
    return [
        _one(id),
        Statement("runs.batches", f"SELECT count(*) FROM ({batches}) AS b", own),
        *left_of(f"l.batch_id IN ({batches})", own),
    ]


def _values(row: Row) -> dict[str, Any]:
    values: dict[str, Any] = dict(zip(Run.__struct_fields__, row, strict=True))
    values["counts"] = msgspec.json.decode(values["counts"], type=dict[str, TableCounts])
    values["errors"] = msgspec.json.decode(values["errors"])
    return values


def _read(row: Row) -> Run:
    return Run(**_values(row))


def _read_detail(found: list[list[Row]]) -> RunDetail | None:
    rows, batches, left, left_total = found
    if not rows:
        return None
    return RunDetail(
        **_values(rows[0]),
        batches=cast(int, batches[0][0]),
        left=read_left(left),
        left_total=cast(int, left_total[0][0]),
    )
