"""What is stored, whole and in memory: for whoever compares with all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from service.domain.benchmarks import ScoreRow
from service.domain.changes import Table
from service.domain.models import ModelRow
from service.domain.pricing import PriceRow
from service.domain.providers import ProviderRow

Fields = dict[str, Any]
Key = tuple[Any, ...]

ROWS: Final[Mapping[Table, type[msgspec.Struct]]] = {
    "providers": ProviderRow,
    "models": ModelRow,
    "pricing": PriceRow,
    "benchmarks": ScoreRow,
}
KEYS: Final[Mapping[Table, tuple[str, ...]]] = {
    "providers": ("id",),
    "models": ("provider_id", "model_id"),
    "pricing": ("model_id", "service_tier", "context_threshold", "effective_date"),
    "benchmarks": ("model_id", "benchmark_name"),
}


@dataclass(slots=True)
class StoredRow:
    """A row as it is stored: members by name, as the API has them; names of locked members."""

    values: Fields
    locks: frozenset[str] = frozenset()
    deleted: bool = False


@dataclass(slots=True)
class Stored:
    """All rows that are stored, by table and natural key. `preview` moves it on."""

    tables: dict[Table, dict[Key, StoredRow]] = field(
        default_factory=lambda: {table: {} for table in ROWS}
    )
    # Prices of one series by day, for `_applied`.
    _series: dict[Key, dict[str, StoredRow]] = field(default_factory=dict)

    def put(self, table: Table, row: StoredRow) -> None:
        """Have a row stored."""
        key = key_of(table, row.values)
        self.tables[table][key] = row
        if table == "pricing":
            self._series.setdefault(key[:-1], {})[key[-1]] = row

    def history(self, key: Key) -> dict[str, StoredRow]:
        """The prices of the series that a price belongs to, by day."""
        return self._series.get(key[:-1], {})


def key_of(table: Table, values: Mapping[str, Any]) -> Key:
    """What makes two rows of a table the same one."""
    return tuple(values[name] for name in KEYS[table])
