"""What is stored, as a catalogue: what sources match their ids with."""

from __future__ import annotations

import datetime
from typing import Any

from service.domain.benchmarks import ScoreRow
from service.domain.models import ModelRow
from service.domain.pricing import PriceRow
from service.domain.providers import ProviderRow
from service.domain.stored import Stored
from service.sources.catalog import Catalogue


def known(stored: Stored, day: datetime.date) -> Catalogue:
    """The stored rows that are not deleted; of prices those that had come by a day, in order."""
    catalogue = Catalogue(name="stored", as_of=day)
    tables = {
        table: [row.values for row in rows.values() if not row.deleted]
        for table, rows in stored.tables.items()
    }
    for values in tables["providers"]:
        catalogue.providers[values["id"]] = ProviderRow(**values)
    for values in tables["models"]:
        model = ModelRow(**values | _days(values, "release_date", "deprecation_date"))
        catalogue.models[model.id] = model
    for values in sorted(tables["pricing"], key=lambda values: values["effective_date"]):
        if values["effective_date"] <= day.isoformat():
            catalogue.pricing.append(
                PriceRow(**values | _days(values, "effective_date") | {"verified_at": None})
            )
    for values in tables["benchmarks"]:
        score = ScoreRow(**values | _days(values, "measured_at"))
        catalogue.benchmarks[score.model_id, score.benchmark_name] = score
    return catalogue


def _days(values: dict[str, Any], *names: str) -> dict[str, datetime.date]:
    known = {name: values[name] for name in names if values[name] is not None}
    return {name: datetime.date.fromisoformat(value) for name, value in known.items()}
