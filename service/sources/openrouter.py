"""OpenRouter's answer to `GET /api/v1/models`: what it routes to, with limits and prices.

https://openrouter.ai/docs/api-reference/list-available-models tells the members. Prices are text,
in US dollars per token.

Choices where the format leaves one:
- Prices carry no date: they are observed on the day that the answer is read for.
- `-1` is a price that depends on the model that a router picks: no price of its own.
- 0 is free where the id says so (`:free`); else it stands for what is not billed by the token.
- `created` is when OpenRouter began to offer it: a release date only where none is known.
- The name carries the maker in front, which is left out; a known name stands.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final, get_args

from msgspec import UNSET, Struct

from service.domain import decimals
from service.domain.models import Modality, ModelRow
from service.domain.pricing import PriceRow
from service.domain.providers import ProviderRow
from service.sources.catalog import Catalogue
from service.sources.documents import json_of
from service.sources.free import offered_state
from service.sources.modes import mode_of

PROVIDER: Final = "openrouter"
URL: Final = "https://openrouter.ai"
FIGURES: Final = {
    "prompt": "input_price",
    "completion": "output_price",
    "input_cache_read": "cached_input_price",
    "input_cache_write": "cache_write_price",
    "internal_reasoning": "reasoning_price",
    "audio": "input_audio_price",
    "audio_output": "output_audio_price",
}
_MODALITIES: Final = {**{m: m for m in get_args(Modality)}, "file": "pdf"}
_DYNAMIC: Final = Decimal(-1)
_MILLION: Final = Decimal(1_000_000)


class _Architecture(Struct, frozen=True):
    input_modalities: list[str] = []
    output_modalities: list[str] = []


class _TopProvider(Struct, frozen=True):
    max_completion_tokens: int | None = None


class _Model(Struct, frozen=True):
    id: str
    name: str
    pricing: dict[str, Any]
    created: int | None = None
    context_length: int | None = None
    architecture: _Architecture = _Architecture()
    top_provider: _TopProvider | None = None
    supported_parameters: list[str] | None = None


class _Answer(Struct, frozen=True):
    data: list[_Model]


def read(content: bytes, known: Catalogue, day: datetime.date) -> Catalogue:
    """The rows of an answer as it was on a day. Raises `Unreadable`."""
    catalogue = Catalogue(name="openrouter", as_of=day)
    if PROVIDER not in known.providers:
        catalogue.add(ProviderRow(id=PROVIDER, name="OpenRouter", website=URL))
    no_column: Counter[str] = Counter()
    for model in json_of(content, _Answer).data:
        row = _row(model, known, catalogue)
        if row.id in catalogue.models:
            catalogue.reject("models", model.id, "another entry for the same model came first")
        elif catalogue.add(row):
            for price in _prices(row, model, no_column, catalogue):
                catalogue.add(price)
    for member, count in sorted(no_column.items()):
        catalogue.reject("pricing", member, "a figure without a column", count)
    return catalogue


def _row(model: _Model, known: Catalogue, catalogue: Catalogue) -> ModelRow:
    stored = known.models.get(f"{PROVIDER}/{model.id}")
    maker, _, rest = model.name.partition(": ")
    inputs, outputs = (
        _modalities(model.id, names, catalogue)
        for names in (model.architecture.input_modalities, model.architecture.output_modalities)
    )
    flags: dict[str, Any] = {}
    if (parameters := model.supported_parameters) is not None:
        flags = {
            "supports_tools": "tools" in parameters,
            "supports_function_calling": "tools" in parameters,
            "supports_reasoning": "reasoning" in parameters,
            "supports_structured_output": "structured_outputs" in parameters,
        }
    released = stored.release_date if stored else None
    if not isinstance(released, datetime.date) and model.created:
        released = datetime.datetime.fromtimestamp(model.created, datetime.UTC).date()
    top = model.top_provider
    return ModelRow(
        provider_id=PROVIDER,
        model_id=model.id,
        name=stored.name if stored else (rest or maker).strip(),
        mode=mode_of(model.id, inputs, outputs),
        context_window=model.context_length or UNSET,
        max_output=(top and top.max_completion_tokens) or UNSET,
        input_modalities=inputs,
        output_modalities=outputs,
        supports_vision="image" in inputs,
        supports_prompt_caching=True if model.pricing.get("input_cache_read") else UNSET,
        release_date=released or UNSET,
        source_url=f"{URL}/{model.id}",
        **flags,
    )


def _modalities(model_id: str, names: list[str], catalogue: Catalogue) -> tuple[Modality, ...]:
    for name in names:
        if name not in _MODALITIES:
            catalogue.reject("models", f"{model_id}: {name}", "a modality that is not known")
    ours = {_MODALITIES.get(name) for name in names}
    return tuple(m for m in get_args(Modality) if m in ours)


def _prices(
    row: ModelRow, model: _Model, no_column: Counter[str], catalogue: Catalogue
) -> Iterator[PriceRow]:
    figures: dict[str, Any] = {}
    for member, text in model.pricing.items():
        try:
            price = Decimal(str(text))
        except InvalidOperation:
            catalogue.reject("pricing", f"{row.id}: {member}", f"{text!r} is not a price")
            continue
        if price == _DYNAMIC:
            catalogue.reject("pricing", row.id, "a price that depends on where a request goes")
            return
        if member in FIGURES and price.is_finite():
            figures[FIGURES[member]] = decimals.clean(price * _MILLION)
        elif price:
            no_column[member] += 1
    state = offered_state(row, figures)
    if state == "unknown":
        why = "a price of 0 that is not known to mean free" if figures else "no price per token"
        catalogue.reject("pricing", row.id, why)
        return
    yield PriceRow(
        model_id=row.id,
        observed_on=catalogue.as_of,
        state=state,
        source_url=row.source_url,
        **figures,
    )
