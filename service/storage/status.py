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


STATUS: Final = (
    Statement(
        "status.counts",
        """
        SELECT
            (SELECT count(*) FROM providers WHERE deleted_at IS NULL),
            (SELECT count(*) FROM models WHERE deleted_at IS NULL),
            (SELECT count(*) FROM pricing WHERE deleted_at IS NULL),
            (SELECT count(*) FROM benchmarks WHERE deleted_at IS NULL)
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
