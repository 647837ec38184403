"""LiteLLM's `model_prices_and_context_window.json`: models by key, with limits, flags and costs.

https://github.com/BerriAI/litellm publishes it under MIT; the entry `sample_spec` documents it.

Choices where the format leaves one:
- An entry belongs to its `litellm_provider`, by a table of names; the key without that prefix is
  the model's id there, matched to one that is known by the whole of it, or by its last segment.
- Prices carry no date: they are observed on the day that the file is read for.
- A cost of 0 is a price only where it is known to mean free or part of a subscription (`free.py`).
- `max_input_tokens` counts as the context window: most providers give one figure for both.
- One price of a region, one size of a picture, a tuned model or a class of models has no id of its
  own; nor have search engines and other tools.
- Of several entries for one id the first counts, other routes to an offer last.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, get_args

from msgspec import UNSET, UnsetType

from service.domain.models import Modality, ModelRow
from service.domain.pricing import PriceRow
from service.domain.providers import ProviderRow
from service.sources.catalog import Catalogue
from service.sources.documents import Unreadable, json_of
from service.sources.free import offered_state
from service.sources.litellm_costs import is_cost, levels
from service.sources.litellm_keys import MODES, is_other_route, no_model, offers
from service.sources.matching import Matcher
from service.sources.modes import mode_of

URL: Final = "https://github.com/BerriAI/litellm/blob/main/model_prices_and_context_window.json"

_FLAGS: Final = {
    "supports_vision": ("supports_vision",),
    "supports_function_calling": ("supports_function_calling", "supports_tools"),
    "supports_reasoning": ("supports_reasoning",),
    "supports_response_schema": ("supports_structured_output",),
    "supports_prompt_caching": ("supports_prompt_caching",),
    "supports_native_streaming": ("supports_streaming",),
}
_READ: Final = {
    *_FLAGS,
    *("litellm_provider", "mode", "max_input_tokens", "max_output_tokens", "source"),
    *("supported_modalities", "supported_output_modalities", "deprecation_date"),
}


def read(content: bytes, known: Catalogue, day: datetime.date) -> Catalogue:
    """The rows of the file as it was on a day, ids matched to those that are known.

    Raises `Unreadable`.
    """
    entries = json_of(content, dict[str, Any])
    if not any(isinstance(e, dict) and "litellm_provider" in e for e in entries.values()):
        raise Unreadable("has another shape: no entry has a litellm_provider")
    catalogue = Catalogue(name="litellm", as_of=day)
    matcher = Matcher(known)
    no_column: Counter[str] = Counter()
    no_figure: Counter[str] = Counter()
    for key, entry in sorted(entries.items(), key=lambda item: is_other_route(item[1])):
        if fault := no_model(key, entry):
            catalogue.reject("models", key, fault)
            continue
        row = _model(key, entry, matcher, catalogue)
        if row.id in catalogue.models:
            catalogue.reject("models", key, "another entry for the same model came first")
            continue
        if row.provider_id not in known.providers:
            catalogue.add(ProviderRow(id=row.provider_id, name=row.provider_id))
        if catalogue.add(row):
            for price in _prices(row, entry, no_figure, catalogue):
                catalogue.add(price)
        no_column.update(m for m in entry if m not in _READ and not is_cost(m))
    for member, count in sorted(no_column.items()):
        catalogue.reject("models", member, "there is no column for this member", count)
    for member, count in sorted(no_figure.items()):
        catalogue.reject("pricing", member, "a figure without a column", count)
    return catalogue


def _model(key: str, entry: Mapping[str, Any], matcher: Matcher, catalogue: Catalogue) -> ModelRow:
    provider = entry["litellm_provider"]
    head, _, rest = key.partition("/")
    route = {provider, *provider.split("-"), provider.split("_")[0]}
    own = rest if rest and head.replace("-", "_") in {r.replace("-", "_") for r in route} else key
    provider_id, model_id = matcher.find(offers(provider), own)
    inputs = _modalities(key, entry.get("supported_modalities"), catalogue)
    outputs = _modalities(key, entry.get("supported_output_modalities"), catalogue)
    mode = entry.get("mode")
    gone = _date(key, entry.get("deprecation_date"), catalogue)
    source = entry.get("source")
    flags = {
        ours: entry[theirs]
        for theirs, names in _FLAGS.items()
        for ours in names
        if isinstance(entry.get(theirs), bool)
    }
    return ModelRow(
        provider_id=provider_id,
        model_id=model_id,
        name=matcher.name(provider_id, model_id),
        mode=MODES.get(mode, "other") if mode else mode_of(model_id, (), outputs or ()),
        context_window=_tokens(key, entry, "max_input_tokens", catalogue),
        max_output=_tokens(key, entry, "max_output_tokens", catalogue),
        input_modalities=inputs,
        output_modalities=outputs,
        deprecated=True if isinstance(gone, datetime.date) and gone <= catalogue.as_of else UNSET,
        deprecation_date=gone,
        source_url=source if re.fullmatch(r"https?://\S+", str(source)) else URL,
        **flags,
    )


def _tokens(
    key: str, entry: Mapping[str, Any], member: str, catalogue: Catalogue
) -> int | UnsetType:
    value = entry.get(member)
    if isinstance(value, Decimal) and value == int(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value or UNSET
    if value is not None:
        catalogue.reject("models", f"{key}: {member}", "a limit that is no number of tokens")
    return UNSET


def _modalities(key: str, names: Any, catalogue: Catalogue) -> tuple[Modality, ...] | UnsetType:
    if not names:
        return UNSET
    for name in names:
        if name not in get_args(Modality):
            catalogue.reject("models", f"{key}: {name}", "a modality that is not known")
    return tuple(m for m in get_args(Modality) if m in names)


def _date(key: str, text: Any, catalogue: Catalogue) -> datetime.date | UnsetType:
    if text is None:
        return UNSET
    try:
        return datetime.date.fromisoformat(text)
    except (TypeError, ValueError):
        catalogue.reject("models", f"{key}: {text}", "a day that is not in the calendar")
        return UNSET


def _prices(
    row: ModelRow, entry: Mapping[str, Any], no_figure: Counter[str], catalogue: Catalogue
) -> Iterator[PriceRow]:
    try:
        found = levels(entry, no_figure)
    except (ValueError, TypeError, KeyError, IndexError, ArithmeticError) as error:
        catalogue.reject("pricing", row.id, f"costs that cannot be read: {error}")
        return
    unknown = False
    for (tier, threshold), figures in found.items():
        state = offered_state(row, figures)
        if state == "unknown":
            unknown = True
            continue
        stated: dict[str, Any] = {} if state == "subscription" else dict(figures)
        yield PriceRow(
            model_id=row.id,
            observed_on=catalogue.as_of,
            service_tier=tier,
            context_threshold=threshold,
            state=state,
            source_url=row.source_url,
            **stated,
        )
    if unknown:
        catalogue.reject("pricing", row.id, "a price of 0 that is not known to mean free")
