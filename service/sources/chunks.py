"""A catalogue cut into batches that are small enough to be sent anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from service.domain.batches import Batch
from service.domain.pricing import PriceRow
from service.sources.catalog import Catalogue, Series, Table, series

# Bytes of a batch as JSON: proxies that pass a request on to another region take up to 1 MB.
LIMIT: Final = 900_000
# Rows of a batch: one that fails is not sent again in vain.
_ROWS: Final = 2_000

_encoder: Final = msgspec.json.Encoder(decimal_format="number")


class Chunk(NamedTuple):
    """A batch of one table, and the same as JSON."""

    batch: Batch
    body: bytes


def chunks(catalogue: Catalogue, limit: int = LIMIT) -> Iterator[Chunk]:
    """The catalogue in batches, each after the rows that it refers to.

    No batch has two prices of one series, and those of a series go out in order of their days: what
    is new at its time depends on what is stored before it.
    """
    tables: tuple[tuple[Table, list[Any]], ...] = (
        ("providers", list(catalogue.providers.values())),
        ("models", list(catalogue.models.values())),
        *(("pricing", prices) for prices in _rounds(catalogue.pricing)),
        ("benchmarks", list(catalogue.benchmarks.values())),
    )
    for table, rows in tables:
        frame = f'{{"{table}":[', "]}"
        pending: list[tuple[Any, bytes]] = []
        size = 0
        for row in rows:
            encoded = _encoder.encode(row)
            if pending and (size + len(encoded) > limit or len(pending) == _ROWS):
                yield _chunk(table, pending, frame)
                pending, size = [], 0
            pending.append((row, encoded))
            size += len(encoded) + 1
        if pending:
            yield _chunk(table, pending, frame)


def _chunk(table: Table, pending: list[tuple[Any, bytes]], frame: tuple[str, str]) -> Chunk:
    body = b",".join(encoded for _, encoded in pending)
    part: dict[str, Any] = {table: tuple(row for row, _ in pending)}
    return Chunk(Batch(**part), frame[0].encode() + body + frame[1].encode())


def _rounds(prices: list[PriceRow]) -> Iterator[list[PriceRow]]:
    """First the earliest price of each series, then the next ones."""
    rounds: list[list[PriceRow]] = []
    seen: Counter[Series] = Counter()
    for row in sorted(prices, key=lambda row: (row.observed_on or row.effective_date, series(row))):
        place = seen[series(row)]
        seen[series(row)] += 1
        if place == len(rounds):
            rounds.append([])
        rounds[place].append(row)
    yield from rounds
