"""The catalogues of the installed packages, each read once."""

from __future__ import annotations

import pytest

from service.sources import arena, genai_prices, models_dev, published
from service.sources.catalog import Catalogue, merge


@pytest.fixture(scope="session")
def models_dev_catalogue() -> Catalogue:
    return models_dev.read()


@pytest.fixture(scope="session")
def genai_catalogue(models_dev_catalogue: Catalogue) -> Catalogue:
    return genai_prices.read(models_dev_catalogue)


@pytest.fixture(scope="session")
def arena_catalogue(models_dev_catalogue: Catalogue, genai_catalogue: Catalogue) -> Catalogue:
    return arena.read(merge([models_dev_catalogue, genai_catalogue]))


@pytest.fixture(scope="session")
def all_of_it() -> Catalogue:
    return published.read()
