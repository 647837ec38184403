"""The queries that tell an operator how the database is doing."""

from __future__ import annotations

import datetime
from typing import Final, NamedTuple

from service.domain.values import timestamp
from service.storage.database import Database, Engine, Row, Statement, Value


class Table(NamedTuple):
    """An answer: its name, the names of its columns, its rows."""

    name: str
    columns: tuple[str, ...]
    rows: list[Row]


class _Query(NamedTuple):
    name: str
    columns: tuple[str, ...]
    sql: str


_ROWS: Final = ("providers", "models", "pricing", "benchmarks")
_LOGS: Final = ("changes", "pipeline_runs", "webhook_deliveries", "backups", "tokens")

_SIZES: Final[dict[Engine, str]] = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "libsql": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgres": "SELECT pg_database_size(current_database())",
}

_QUERIES: Final = (
    _Query(
        "rows",
        ("table", "rows", "deleted", "newest"),
        "\nUNION ALL\n".join(
            f"""SELECT '{table}', count(*) - count(deleted_at), count(deleted_at), max(updated_at)
            FROM {table}"""
            for table in _ROWS
        )
        + "\nUNION ALL\n"
        + "\nUNION ALL\n".join(
            f"SELECT '{table}', count(*), 0, NULL FROM {table}" for table in _LOGS
        ),
    ),
    _Query(
        "revision",
        ("revision", "changed", "by"),
        """
        SELECT revision, changed_at, actor FROM changes ORDER BY revision DESC LIMIT 1
        """,
    ),
    _Query(
        "last runs",
        ("started", "completed", "status", "source", "by", "models updated"),
        """
        SELECT started_at, completed_at, status, source, actor, models_updated FROM pipeline_runs
        ORDER BY started_at DESC, id LIMIT 5
        """,
    ),
    _Query(
        "held prices",
        ("waiting", "since", "decided"),
        """
        SELECT coalesce(sum(CASE WHEN status = 'pending' THEN 1 END), 0),
            min(CASE WHEN status = 'pending' THEN held_at END), count(decided_at)
        FROM held_prices
        """,
    ),
    _Query(
        "locks",
        ("table", "fields", "last"),
        """
        SELECT table_name, count(*), max(locked_at) FROM locks
        GROUP BY table_name ORDER BY table_name
        """,
    ),
    _Query(
        "webhooks",
        ("webhook", "delivered", "failing since", "paused", "behind"),
        """
        SELECT id, delivered_at, failing_since, paused_at,
            coalesce((SELECT max(revision) FROM changes), 0) - position
        FROM webhooks ORDER BY created_at, id LIMIT 20
        """,
    ),
    _Query(
        "largest providers",
        ("provider", "models", "with price", "newest"),
        """
        SELECT provider_id, count(*), count(price_id), max(updated_at) FROM listing
        GROUP BY provider_id ORDER BY count(*) DESC, provider_id LIMIT 10
        """,
    ),
    _Query(
        "current prices by when they were last confirmed",
        ("within 7 days", "30 days", "90 days", "longer ago", "no price"),
        """
        SELECT coalesce(sum(CASE WHEN seen >= :week THEN 1 END), 0),
            coalesce(sum(CASE WHEN seen >= :month AND seen < :week THEN 1 END), 0),
            coalesce(sum(CASE WHEN seen >= :quarter AND seen < :month THEN 1 END), 0),
            coalesce(sum(CASE WHEN seen < :quarter THEN 1 END), 0), count(*) - count(seen)
        FROM (
            SELECT coalesce(p.verified_at, p.updated_at) AS seen
            FROM listing AS l LEFT JOIN pricing AS p ON p.id = l.price_id
        ) AS prices
        """,
    ),
    _Query(
        "backups",
        ("last verified", "last begun", "its error"),
        """
        SELECT (SELECT max(verified_at) FROM backups), started_at, error FROM backups
        ORDER BY started_at DESC LIMIT 1
        """,
    ),
)


def statements(engine: Engine, now: datetime.datetime) -> list[Statement]:
    """What is asked, by name."""
    ages = {"week": 7, "month": 30, "quarter": 90}
    params: dict[str, Value] = {
        name: timestamp(now - datetime.timedelta(days=days)) for name, days in ages.items()
    }
    queries = (*_QUERIES, _Query("size", ("bytes",), _SIZES[engine]))
    return [
        Statement(f"stats.{one.name}", one.sql, params if ":week" in one.sql else {})
        for one in queries
    ]


async def stats(db: Database, now: datetime.datetime) -> list[Table]:
    """All answers, from one snapshot."""
    found = await db.fetch(*statements(db.engine, now))
    columns = [*((one.name, one.columns) for one in _QUERIES), ("size", ("bytes",))]
    pairs = zip(columns, found, strict=True)
    return [Table(name, heads, rows) for (name, heads), rows in pairs]


def script(engine: Engine, now: datetime.datetime) -> str:
    """The same queries to be pasted into the database's own shell."""
    parts = []
    for one in statements(engine, now):
        lines = [line.strip() for line in one.sql.strip().splitlines()]
        sql = "\n".join(lines)
        for name, value in one.params.items():
            sql = sql.replace(f":{name}", f"'{value}'")
        parts.append(f"-- {one.name.removeprefix('stats.')}\n{sql};\n")
    return "\n".join(parts)
