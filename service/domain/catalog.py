"""The whole catalogue in one document."""

from __future__ import annotations

from service.domain.models import ModelDetail
from service.domain.providers import Provider
from service.domain.values import Record


class Catalog(Record, frozen=True, kw_only=True):
    """All providers and models, each model with its current price; ordered by id."""

    providers: tuple[Provider, ...]
    models: tuple[ModelDetail, ...]
