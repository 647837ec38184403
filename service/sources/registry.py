"""The sources by name: what each reads, and how far it is trusted."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from service.errors import ServiceError
from service.sources import genai_prices, litellm, llmstats, models_dev, openrouter, tables
from service.sources.catalog import Catalogue
from service.sources.documents import Unreadable
from service.sources.ready import filling, identified, only_said, resolved

Reader = Callable[[bytes, Catalogue, datetime.date], Catalogue]
Packaged = Callable[[Catalogue], Catalogue]


class Source(NamedTuple):
    """A published catalogue.

    `says` is what becomes of models that are stored: it is written over them, it fills what is
    unknown, or rows are written just as they are, without canonical ids of our own.
    """

    read: Reader
    says: Literal["over", "fill", "as is"]
    # Where its document is to be had.
    published: str
    # The catalogue that an installed package carries.
    packaged: Packaged | None = None


SOURCES: Final[dict[str, Source]] = {
    "models-dev": Source(
        models_dev.of_document, "over", "https://models.dev/api.json", lambda _: models_dev.read()
    ),
    "genai-prices": Source(
        genai_prices.of_document,
        "fill",
        "https://github.com/pydantic/genai-prices: prices/new_data/v2/data.json",
        genai_prices.read,
    ),
    "litellm": Source(
        litellm.read,
        "fill",
        "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json",
    ),
    "openrouter": Source(openrouter.read, "over", "https://openrouter.ai/api/v1/models"),
    "llmstats": Source(llmstats.read, "fill", llmstats.URL),
    "csv": Source(tables.read, "as is", "/v1/export/{table}.csv"),
}


def read(name: str, content: bytes | None, known: Catalogue, day: datetime.date) -> Catalogue:
    """What a source says, ready to be written beside what is known.

    `content` is its document, None for the installed package; `day` the one on which undated prices
    were observed. Raises `Unreadable`, and `ServiceError` where there is no package.
    """
    source = SOURCES[name]
    if content is not None:
        try:
            catalogue = source.read(content, known, day)
        except Unreadable as error:
            right = f"{name} reads what {source.published} holds"
            raise Unreadable(f"{error.message} ({right})") from None
    elif source.packaged is None:
        raise ServiceError(f"{name} needs --file or --url: it is published at {source.published}")
    else:
        try:
            catalogue = source.packaged(known)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0].replace("_", "-")
            raise ServiceError(f"{package} is not installed: install aicompare[seed]") from None
    if source.says == "as is":
        return resolved(catalogue, known)
    if not (catalogue.models or catalogue.pricing or catalogue.benchmarks):
        raise Unreadable(f"has no row that can be stored: is it what {source.published} holds?")
    catalogue = resolved(catalogue, known)
    identified(catalogue, known)
    only_said(catalogue, known)
    if source.says == "fill":
        filling(catalogue, known)
    return catalogue
