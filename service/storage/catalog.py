"""Everything that is offered, in one round trip."""

from __future__ import annotations

import asyncio
import datetime
from typing import Final, NamedTuple

from service.domain.catalog import Catalog
from service.domain.models import ModelDetail
from service.storage.database import Database, Statement, Value
from service.storage.mapping import MODEL, PRICE, PROVIDER
from service.storage.selection import price_key
from service.storage.snapshot import SNAPSHOT, Snapshot, read_snapshot

# Models that are read before others have their turn on the event loop.
_AT_ONCE: Final = 100


class FoundCatalog(NamedTuple):
    """The catalogue and the state that it was read from."""

    catalog: Catalog
    snapshot: Snapshot


async def get(db: Database, as_of: datetime.date | None) -> FoundCatalog:
    """All providers and models by id."""
    params: dict[str, Value] = {} if as_of is None else {"as_of": as_of.isoformat()}
    providers, models, snapshot = await db.fetch(
        Statement(
            "catalog.providers",
            f"SELECT {PROVIDER.select('p')} FROM providers AS p"
            " WHERE p.deleted_at IS NULL ORDER BY p.id",
        ),
        Statement(
            "catalog.models",
            f"""
            SELECT {MODEL.select("m")}, {PRICE.select("p")}
            FROM listing AS l
            JOIN models AS m ON m.id = l.model_id
            LEFT JOIN pricing AS p ON p.id = {price_key(as_of)}
            ORDER BY l.model_id
            """,
            params,
        ),
        SNAPSHOT,
    )
    read: list[ModelDetail] = []
    for start in range(0, len(models), _AT_ONCE):
        read += (
            ModelDetail(**MODEL.values(row), pricing=PRICE.read_optional(row, MODEL.width))
            for row in models[start : start + _AT_ONCE]
        )
        await asyncio.sleep(0)
    return FoundCatalog(
        Catalog(providers=tuple(PROVIDER.read(row) for row in providers), models=tuple(read)),
        read_snapshot(snapshot),
    )
