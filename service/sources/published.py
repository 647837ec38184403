"""All published catalogues that the service can fill itself from, as one."""

from __future__ import annotations

import msgspec

from service.sources import arena, genai_prices, models_dev
from service.sources.catalog import Catalogue, merge
from service.sources.identity import canonical_ids


def read() -> Catalogue:
    """models.dev, the price history of genai-prices and the Arena's ratings, in this order of
    precedence, each model with its canonical id.

    `ImportError` where the packages that carry the data are not installed.
    """
    catalogue = models_dev.read()
    catalogue = merge([catalogue, genai_prices.read(catalogue)])
    catalogue = merge([catalogue, arena.read(catalogue)])
    canonical = canonical_ids(catalogue.models.values())
    for model_id, model in catalogue.models.items():
        catalogue.models[model_id] = msgspec.structs.replace(
            model, canonical=canonical.get(model_id)
        )
    return catalogue
