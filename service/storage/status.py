"""What a database says of itself."""

from __future__ import annotations

from typing import Final, NamedTuple, cast

from service.domain.status import Counts
from service.storage.database import Database, Row, Statement
from service.storage.snapshot import SNAPSHOT, Snapshot, read_snapshot


class DatabaseStatus(NamedTuple):
    """Rows that are not deleted, the newest migration, the newest change."""

    counts: Counts
    schema_version: str
    snapshot: Snapshot


def _offered(table: str) -> str:
    """How many rows of a table are offered: all without the few that are not.

    To count all takes an index alone; to look at each for a mark would take the whole table.
    CROSS JOIN tells SQLite to begin with the few.
    """
    return f"""(
        (SELECT count(*) FROM {table})
        - (SELECT count(*) FROM {table} WHERE deleted_at IS NOT NULL)
        - (SELECT count(*) FROM hidden AS h CROSS JOIN {table} AS t
           WHERE t.model_id = h.id AND t.deleted_at IS NULL)
    )"""


STATUS: Final = (
    Statement(
        "status.counts",
        f"""
        WITH hidden AS (
            SELECT id FROM models WHERE deleted_at IS NOT NULL
            UNION ALL SELECT m.id FROM providers AS p CROSS JOIN models AS m
            WHERE p.deleted_at IS NOT NULL AND m.provider_id = p.id AND m.deleted_at IS NULL
        )
        SELECT
            (SELECT count(*) FROM providers WHERE deleted_at IS NULL),
            (SELECT CAST(coalesce(sum(models), 0) AS BIGINT) FROM listing_counts),
            {_offered("pricing")},
            {_offered("benchmarks")}
        """,
    ),
    Statement("status.version", "SELECT max(version) FROM schema_migrations"),
    SNAPSHOT,
)


async def get(db: Database) -> DatabaseStatus:
    """Counted in one round trip."""
    return read(await db.fetch(*STATUS))


def read(found: list[list[Row]]) -> DatabaseStatus:
    """From the rows of `STATUS`."""
    counts, version, snapshot = found
    providers, models, pricing, benchmarks = cast("tuple[int, int, int, int]", counts[0])
    return DatabaseStatus(
        Counts(providers=providers, models=models, pricing=pricing, benchmarks=benchmarks),
        cast(str, version[0][0]),
        read_snapshot(snapshot),
    )


class Behind(NamedTuple):
    """How far a database is behind another: changes it has not, and when the first was made."""

    revisions: int
    since: str | None


async def behind(primary: Database, revision: int) -> Behind:
    """What the primary has after a revision: a point read."""
    (rows,) = await primary.fetch(
        Statement(
            "status.behind",
            """
            SELECT coalesce(max(revision), :revision) - :revision,
                (SELECT changed_at FROM changes WHERE revision > :revision
                 ORDER BY revision LIMIT 1)
            FROM changes
            """,
            {"revision": revision},
        )
    )
    revisions, since = cast("tuple[int, str | None]", rows[0])
    return Behind(max(0, revisions), since)


async def snapshot(db: Database) -> Snapshot:
    """The newest change alone: a point read."""
    (rows,) = await db.fetch(SNAPSHOT)
    return read_snapshot(rows)
