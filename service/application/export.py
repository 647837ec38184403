"""Tables as pieces of rows, for CSV."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import msgspec

from service.application.pricing import believed
from service.domain.benchmarks import Score
from service.domain.models import Model
from service.domain.pricing import Price
from service.domain.providers import Provider
from service.domain.queries import ModelFilter, NoQuery, PriceFilter, Query, ScoreFilter
from service.errors import NotFound
from service.storage import export as stored
from service.storage.database import Database
from service.storage.snapshot import Snapshot
from service.storage.status import snapshot

TABLES: dict[str, type[Query]] = {
    "providers": NoQuery,
    "models": ModelFilter,
    "pricing": PriceFilter,
    "benchmarks": ScoreFilter,
}
_STRUCTS = {"providers": Provider, "models": Model, "pricing": Price, "benchmarks": Score}


def header(table: str) -> tuple[str, ...]:
    """Names of the columns, as in JSON; `NotFound` for a table that cannot be exported."""
    if table not in _STRUCTS:
        raise NotFound(f"no table {table!r} to export: there are {', '.join(_STRUCTS)}")
    return _STRUCTS[table].__struct_encode_fields__


class Exported(NamedTuple):
    """Rows in pieces, each with the columns of `header`.

    They depend on the question, the state that it was asked in and the day alone. Where something
    is written while they are read they may be of several states; the first is then gone for good.
    """

    pieces: AsyncIterator[list[tuple[Any, ...]]]
    snapshot: Snapshot
    today: datetime.date


async def export(reader: Database, wanted: Query, *, today: datetime.date) -> Exported:
    """The rows of a table that a filter leaves."""
    state = await snapshot(reader)
    return Exported(_columns(_pieces(reader, wanted, today, state)), state, today)


async def _columns(
    pieces: AsyncIterator[Sequence[msgspec.Struct]],
) -> AsyncIterator[list[tuple[Any, ...]]]:
    async for piece in pieces:
        yield [msgspec.structs.astuple(row) for row in piece]


def _pieces(
    reader: Database, wanted: Query, today: datetime.date, state: Snapshot
) -> AsyncIterator[Sequence[msgspec.Struct]]:
    if isinstance(wanted, ModelFilter):
        if wanted.as_of is None and state.price_day != today.isoformat():
            wanted = msgspec.structs.replace(wanted, as_of=today)
        return stored.models(reader, wanted)
    if isinstance(wanted, PriceFilter):
        if wanted.known_at is not None:
            return _believed(reader, wanted)
        return stored.pricing(reader, wanted)
    if isinstance(wanted, ScoreFilter):
        return stored.benchmarks(reader, wanted)
    return stored.providers(reader)


async def _believed(reader: Database, wanted: PriceFilter) -> AsyncIterator[list[Price]]:
    prices, _ = await believed(reader, wanted)
    yield sorted(prices, key=lambda price: price.id)
