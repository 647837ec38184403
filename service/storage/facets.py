"""How what a selection leaves spreads over providers, families, modes and capabilities."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

from service.domain.models import CAPABILITIES
from service.domain.queries import Facet
from service.storage.database import Row, Statement
from service.storage.paging import counting
from service.storage.selection import Selection

# In the order of the indexes that are grouped along.
_KIND = ("l.bits", "l.mode", "l.family")
_COLUMNS = {"provider": 0, "supports": 0, "mode": 1, "family": 2}


def statements(found: Selection, facets: tuple[Facet, ...]) -> list[Statement]:
    """What to ask the database for these facets: each statement reads many models."""
    asked = []
    if "provider" in facets:
        sql = found.sql("l.provider_id, count(*)", "listing_provider")
        asked.append(("models.providers", f"{sql}\nGROUP BY l.provider_id"))
    if others := {*facets} - {"provider"}:
        kind = ", ".join(_KIND[: max(_COLUMNS[facet] for facet in others) + 1])
        if found.is_counted or found.is_walked:
            sql = found.counts(f"{kind}, sum(l.models)", counting(found))
        else:
            sql = found.sql(f"{kind}, count(*)")
        asked.append(("models.kinds", f"{sql}\nGROUP BY {kind}"))
    return [Statement(name, sql, found.params) for name, sql in asked]


def read(facets: tuple[Facet, ...], answers: list[list[Row]]) -> dict[str, dict[str, int]]:
    """Counts by value for each facet, the largest first; an unknown value is not counted.

    `answers` are those to `statements`.
    """
    return {facet: _read(facet, answers[0 if facet == "provider" else -1]) for facet in facets}


def total(answer: list[Row]) -> int:
    """How many models there are in all, by the answer to any of the statements."""
    return sum(cast(int, row[-1]) for row in answer)


def _read(facet: Facet, rows: list[Row]) -> dict[str, int]:
    groups = [group for group in cast(Any, rows) if group[-1]]
    if facet == "supports":
        return {
            name: sum(count for bits, *_, count in groups if bits & bit)
            for name, bit in CAPABILITIES.items()
        }
    counts: Counter[str] = Counter()
    for group in groups:
        if value := group[_COLUMNS[facet]]:
            counts[value] += group[-1]
    return dict(sorted(counts.items(), key=lambda counted: (-counted[1], counted[0])))
