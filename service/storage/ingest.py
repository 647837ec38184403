"""Writing a batch: its rows, what became of them, and the answer as it was given first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterable
from typing import Any, Final, NamedTuple, cast

import msgspec

from service.domain.batches import Batch, BatchResult, Left, TableCounts
from service.domain.faults import LISTED, Fault, orphan
from service.storage.database import Database, Row, Statement, Value
from service.storage.sent import documents as documents_of
from service.storage.tables import BENCHMARKS, MODELS, PRICING, TABLES
from service.storage.upsert import write_rows
from service.storage.writing import Author, Once, claim, write

_OPEN: Final = """
    INSERT INTO pipeline_batches (id, run_id, pushed_at, first_revision)
    SELECT :batch, (SELECT id FROM pipeline_runs WHERE id = :run AND status = 'running'), :now,
        (SELECT coalesce(max(revision), 0) FROM changes)
"""
_COUNT: Final = f"""
    INSERT INTO pipeline_counts (batch_id, table_name, created, updated, unchanged, locked, held)
    SELECT :batch, z.table_name, coalesce(d.created, 0), coalesce(d.updated, 0),
        z.size - coalesce(d.created, 0) - coalesce(d.updated, 0) - coalesce(u.places, 0),
        coalesce(u.locked, 0), coalesce(u.held, 0)
    FROM (
        {
    " UNION ALL ".join(
        f"SELECT '{table.name}' AS table_name, CAST(:{table.name} AS BIGINT) AS size"
        for table in TABLES
    )
}
    ) AS z
    LEFT JOIN (
        SELECT c.table_name,
            sum(CASE WHEN c.before IS NULL OR c.kind = 'price_changed' THEN 1 ELSE 0 END)
                AS created,
            sum(CASE WHEN c.before IS NULL OR c.kind = 'price_changed' THEN 0 ELSE 1 END)
                AS updated
        FROM changes AS c
        WHERE c.revision > (SELECT first_revision FROM pipeline_batches WHERE id = :batch)
        GROUP BY c.table_name
    ) AS d ON d.table_name = z.table_name
    LEFT JOIN (
        SELECT l.table_name,
            count(DISTINCT CASE WHEN l.reason <> 'held' THEN l.place END) AS locked,
            count(DISTINCT CASE WHEN l.reason = 'held' THEN l.place END) AS held,
            count(DISTINCT CASE WHEN l.reason <> 'locked' OR NOT EXISTS (
                SELECT 1 FROM changes AS c
                WHERE c.table_name = l.table_name AND c.row_id = l.row_id AND c.revision
                    > (SELECT first_revision FROM pipeline_batches WHERE id = :batch)
            ) THEN l.place END) AS places
        FROM pipeline_left AS l WHERE l.batch_id = :batch GROUP BY l.table_name
    ) AS u ON u.table_name = z.table_name
"""
_CLOSE: Final = """
    UPDATE pipeline_batches SET last_revision = (SELECT coalesce(max(revision), 0) FROM changes)
    WHERE id = :batch
"""


class Documents(NamedTuple):
    """A batch made ready to be written: rows as JSON, and their number, by table."""

    rows: dict[str, list[str]]
    sizes: dict[str, int]


class Pushed(NamedTuple):
    """What a batch did, and when."""

    result: BatchResult
    pushed_at: str


def prepare(batch: Batch) -> Generator[None, None, Documents]:
    """Encode a batch. Yields after each row."""
    made = Documents({}, {})
    for table in TABLES:
        rows = getattr(batch, table.name)
        made.sizes[table.name] = len(rows)
        made.rows[table.name] = yield from documents_of(table, rows)
    return made


async def push(
    db: Database,
    author: Author,
    documents: Documents,
    *,
    batch: str,
    once: Once | None = None,
    factor: int | None = None,
    before: Iterable[Statement] = (),
    after: Iterable[Statement] = (),
) -> Pushed:
    """Write a batch of the author's run, all or nothing, with what comes before and after it.

    `factor` holds prices that differ by more. Raises `Conflict` where a row breaks a constraint,
    the run is not open (`pipeline_batches.run_id` is required) or the key was used.
    """
    params: dict[str, Value] = {"batch": batch, "run": author.run_id, "now": author.moment}
    more = {"today": author.today, "actor": author.actor, "factor": factor}
    rows = [
        statement
        for table in TABLES
        for one in documents.rows[table.name]
        for statement in write_rows(db.engine, table, one, params | more, hold=factor is not None)
    ]
    own: dict[str, Value] = {"batch": batch}
    answer = _answer(batch)
    _, results = await write(
        db,
        author,
        *claim(once, author, batch),
        *before,
        Statement("ingest.open", _OPEN, params),
        *rows,
        Statement("ingest.count", _COUNT, {**own, **documents.sizes}),
        Statement("ingest.close", _CLOSE, own),
        *after,
        *answer,
    )
    return _read([result.rows for result in results[-len(answer) :]])


async def pushed(db: Database, batch: str) -> Pushed:
    """What a batch did, as it was answered then."""
    return _read(await db.fetch(*_answer(batch)))


def _answer(batch: str) -> list[Statement]:
    own: dict[str, Value] = {"batch": batch}
    return [
        Statement(
            "ingest.batch",
            "SELECT run_id, last_revision, pushed_at FROM pipeline_batches WHERE id = :batch",
            own,
        ),
        Statement(
            "ingest.counts",
            """
            SELECT table_name, created, updated, unchanged, locked, held FROM pipeline_counts
            WHERE batch_id = :batch
            """,
            own,
        ),
        *left_of("l.batch_id = :batch", own),
    ]


def left_of(condition: str, params: dict[str, Value]) -> list[Statement]:
    """Statements for what batches left alone: the first of it, and how much in all."""
    return [
        Statement(
            "ingest.left",
            f"""
            SELECT l.table_name, l.place, l.row_id, l.field, l.reason FROM pipeline_left AS l
            WHERE {condition}
            ORDER BY l.batch_id, l.table_name, l.place, l.field, l.reason LIMIT {LISTED}
            """,
            params,
        ),
        Statement(
            "ingest.left_total",
            f"SELECT count(*) FROM pipeline_left AS l WHERE {condition}",
            params,
        ),
    ]


def read_left(rows: list[Row]) -> tuple[Left, ...]:
    """From the first of `left_of`'s statements."""
    found: list[Any] = [
        {"table": table, "index": place, "id": id, "field": field or None, "reason": reason}
        for table, place, id, field, reason in rows
    ]
    return tuple(msgspec.convert(one, Left) for one in found)


def _read(found: list[list[Row]]) -> Pushed:
    [(run_id, revision, pushed_at)], counts, left, [(left_total,)] = found
    tables: dict[str, TableCounts] = defaultdict(TableCounts)
    for name, *numbers in counts:
        named = zip(TableCounts.__struct_fields__, cast("list[int]", numbers), strict=True)
        tables[cast(str, name)] = TableCounts(**dict(named))
    result = BatchResult(
        run_id=cast(str, run_id),
        revision=cast(int, revision),
        providers=tables["providers"],
        models=tables["models"],
        pricing=tables["pricing"],
        benchmarks=tables["benchmarks"],
        left=read_left(left),
        left_total=cast(int, left_total),
    )
    return Pushed(result, cast(str, pushed_at))


class _Placed(msgspec.Struct):
    """What a document says of a row's place, its id and what it belongs to."""

    place: int
    id: str = ""
    provider_id: str = ""
    model_id: str = ""


async def orphans(db: Database, documents: Documents) -> list[Fault]:
    """The rows that belong to a provider or model which is neither stored nor in the batch."""
    rows = {
        table: [row for one in some for row in msgspec.json.decode(one, type=list[_Placed])]
        for table, some in documents.rows.items()
    }
    found: list[Fault] = []
    for table in (MODELS, PRICING, BENCHMARKS):
        parents = "providers" if table is MODELS else "models"
        column = "provider_id" if table is MODELS else "model_id"
        belongs = [(row.place, getattr(row, column)) for row in rows[table.name]]
        wanted = {id for _, id in belongs} - {row.id for row in rows[parents]}
        missing = await _unknown(db, parents, wanted)
        found += [orphan(table.name, place, id) for place, id in belongs if id in missing]
    return found


async def _unknown(db: Database, kind: str, ids: Iterable[str]) -> frozenset[str]:
    """Those of the ids that no stored provider or model has; `kind` is the table."""
    rows = {"sqlite": "json_each(:ids)", "libsql": "json_each(:ids)"}.get(
        db.engine, "jsonb_array_elements_text(CAST(:ids AS jsonb))"
    )
    [found] = await db.fetch(
        Statement(
            "ingest.unknown",
            f"""
            SELECT e.value FROM {rows} AS e
            WHERE NOT EXISTS (SELECT 1 FROM {kind} AS t WHERE t.id = e.value)
            """,
            {"ids": msgspec.json.encode(sorted(ids)).decode()},
        )
    )
    return frozenset(cast(str, id) for (id,) in found)
