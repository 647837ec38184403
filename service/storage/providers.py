"""Providers and how many models each offers."""

from __future__ import annotations

from typing import NamedTuple, cast

from service.domain.providers import ProviderSummary
from service.domain.queries import ProviderQuery
from service.storage.database import Database, Row, Statement
from service.storage.mapping import PROVIDER
from service.storage.snapshot import SNAPSHOT, Snapshot, read_snapshot

_SUMMARY = f"""
    SELECT {PROVIDER.select("p")},
        (SELECT count(*) FROM listing AS l WHERE l.provider_id = p.id),
        (SELECT count(*) FROM listing AS l WHERE l.provider_id = p.id AND l.deprecated = 1)
    FROM providers AS p
"""


class ProviderPage(NamedTuple):
    """A page of providers and the number of all."""

    providers: list[ProviderSummary]
    total: int
    snapshot: Snapshot


async def page(db: Database, query: ProviderQuery) -> ProviderPage:
    """Providers by id, in one round trip."""
    rows, total, snapshot = await db.fetch(
        Statement(
            "providers.page",
            f"{_SUMMARY} WHERE p.deleted_at IS NULL ORDER BY p.id LIMIT :page_size OFFSET :offset",
            {"page_size": query.page_size, "offset": (query.page - 1) * query.page_size},
        ),
        Statement("providers.total", "SELECT count(*) FROM providers WHERE deleted_at IS NULL"),
        SNAPSHOT,
    )
    return ProviderPage(
        [_summary(row) for row in rows], cast(int, total[0][0]), read_snapshot(snapshot)
    )


async def get(db: Database, id: str) -> tuple[ProviderSummary | None, Snapshot]:
    """The provider, or None where there is none."""
    rows, snapshot = await db.fetch(
        Statement(
            "providers.get", f"{_SUMMARY} WHERE p.id = :id AND p.deleted_at IS NULL", {"id": id}
        ),
        SNAPSHOT,
    )
    return (_summary(rows[0]) if rows else None), read_snapshot(snapshot)


async def ids(db: Database) -> list[str]:
    """All provider ids, for naming those near a wrong one."""
    (rows,) = await db.fetch(
        Statement("providers.ids", "SELECT id FROM providers WHERE deleted_at IS NULL ORDER BY id")
    )
    return [cast(str, row[0]) for row in rows]


def _summary(row: Row) -> ProviderSummary:
    return ProviderSummary(
        **PROVIDER.values(row),
        model_count=cast(int, row[PROVIDER.width]),
        deprecated_model_count=cast(int, row[PROVIDER.width + 1]),
    )
