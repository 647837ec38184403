"""Generated catalogues and questions: few names, so that questions meet answers."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

from service.domain.batches import Batch
from service.domain.benchmarks import ScoreRow
from service.domain.models import CAPABILITIES, ModelRow
from service.domain.pricing import FIGURES, PriceRow
from service.domain.providers import ProviderRow
from tests.catalog import NOW, Step

PROVIDERS = ("a", "b-c", "D.e_1", "openrouter")
MODELS = ("m", "m-2", "x/y:free", "@z", "M", "g~1")
IDS = tuple(f"{provider}/{model}" for provider in PROVIDERS for model in MODELS)
NAMES = (
    "GPT-5",
    "gpt 5",
    "Ünïcode ẞ",
    "ÀB",
    "智谱 4",
    "İi",
    "100%_\\",
    'say "x"',
    "=1+1",
    "ﬁ ligature",
)
DAYS = tuple(
    datetime.date.fromisoformat(day)
    for day in ("2024-02-29", "2025-01-01", "2026-03-01", "2026-11-21", "2026-11-22", "2026-11-23")
)
MOMENTS = (
    *(datetime.datetime(2025, 1, 1, 12, tzinfo=datetime.UTC),),
    *(NOW - datetime.timedelta(days=days, hours=1) for days in (1, 0)),
    NOW,
)
BENCHMARKS = ("arena", "mmlu", "latenz ü")
MODALITIES = ("text", "image", "audio", "video", "pdf")

days = st.sampled_from(DAYS)
# Whoever pushes a name with spaces around it is refused.
names = st.sampled_from(NAMES) | st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=12
).map(str.strip).filter(bool)
figures = st.sampled_from(("0", "0.1", "0.25", "1", "3", "999999999.999999999", "0.000000001"))
decimals = figures.map(Decimal)
maybe = st.none() | decimals
modalities = st.lists(st.sampled_from(MODALITIES), unique=True).map(tuple)


def optional(**strategies: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Some of the members, the others left out."""
    return st.fixed_dictionaries({}, optional=strategies)


model_values = optional(
    family=st.sampled_from(("f", "F", None)),
    mode=st.sampled_from(("chat", "image", "other")),
    context_window=st.sampled_from((1, 4096, 10**12, None)),
    max_output=st.sampled_from((1, 4096, None)),
    input_modalities=modalities,
    output_modalities=modalities,
    release_date=st.none() | days,
    deprecated=st.booleans(),
    open_weights=st.none() | st.booleans(),
    canonical=st.sampled_from((*IDS[:4], None)),
    supports_vision=st.none() | st.booleans(),
    supports_tools=st.none() | st.booleans(),
    supports_function_calling=st.none() | st.booleans(),
)
price_values = optional(
    service_tier=st.sampled_from(("standard", "standard", "batch")),
    context_threshold=st.sampled_from((0, 0, 0, 200_000)),
    source_url=st.sampled_from(("https://x.example/ü", None)),
    verified_at=st.sampled_from(MOMENTS),
    **dict.fromkeys(FIGURES, maybe),
)
score_values = optional(
    unit=st.sampled_from(("elo", None)),
    higher_is_better=st.booleans(),
    self_reported=st.none() | st.booleans(),
    measured_at=st.none() | days,
)


@st.composite
def steps(draw: st.DrawFn) -> list[Step]:
    """One to three writes, each on rows of which some are there already."""
    made = []
    known: set[str] = set()
    for now in sorted(draw(st.sets(st.sampled_from(MOMENTS), min_size=1, max_size=3))):
        ids = draw(st.lists(st.sampled_from(IDS), unique=True, min_size=1, max_size=8))
        known |= set(ids)
        priced = draw(st.lists(st.tuples(st.sampled_from(sorted(known)), days), max_size=12))
        scored = st.tuples(st.sampled_from(sorted(known)), st.sampled_from(BENCHMARKS))
        prices: dict[Any, PriceRow] = {}
        for id, day in priced:
            row = PriceRow(model_id=id, effective_date=day, **draw(price_values))
            prices[id, day, row.service_tier, row.context_threshold] = row
        providers = sorted({id.split("/", 1)[0] for id in ids})
        made.append(
            Step(
                now,
                "pipeline",
                Batch(
                    providers=tuple(ProviderRow(id=id, name=draw(names)) for id in providers),
                    models=tuple(
                        ModelRow(
                            provider_id=id.split("/", 1)[0],
                            model_id=id.split("/", 1)[1],
                            name=draw(names),
                            **draw(model_values),
                        )
                        for id in ids
                    ),
                    pricing=tuple(prices.values()),
                    benchmarks=tuple(
                        ScoreRow(
                            model_id=id,
                            benchmark_name=name,
                            score=draw(decimals | decimals.map(lambda d: -d)),
                            **draw(score_values),
                        )
                        for id, name in draw(st.lists(scored, unique=True, max_size=8))
                    ),
                ),
            )
        )
    return made


def some(*values: str) -> st.SearchStrategy[str]:
    """One or several values with commas."""
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True).map(",".join)


day_text = days.map(str)
words = (
    st.sampled_from((*NAMES, "5", "gp", "m", "x/y", "%", "_", "ü", "ﬁ", "fi", "ss", "i̇")) | names
)
keys = ("name", "provider", "releaseDate", "contextWindow", "maxOutput", "inputPrice",
        "outputPrice", "updatedAt")  # fmt: skip
sorts = some(*(sign + key for key in keys for sign in ("", "-")))
model_filters = {
    "q": words, "ids": some(*IDS), "provider": some(*PROVIDERS), "canonical": st.sampled_from(IDS),
    "supports": some(*CAPABILITIES), "inputModalities": some(*MODALITIES),
    "outputModalities": some(*MODALITIES), "minContext": st.sampled_from(("1", "4096")),
    "minOutput": st.just("4096"), "maxInputPrice": figures, "maxOutputPrice": figures,
    "releasedAfter": day_text, "releasedBefore": day_text,
    "openWeights": st.sampled_from(("true", "false")), "benchmark": st.sampled_from(BENCHMARKS),
    "deprecated": st.sampled_from(("true", "any")), "asOf": day_text,
}  # fmt: skip
paging = {"page": st.sampled_from(("1", "2")), "pageSize": st.sampled_from(("1", "3", "500"))}
moments = st.sampled_from(MOMENTS).map(lambda moment: moment.isoformat())
one_price = {"model": st.sampled_from(IDS), "from": day_text, "to": day_text, "knownAt": moments,
             "serviceTier": st.sampled_from(("standard", "batch"))}  # fmt: skip
includes = some("pricing", "benchmarks", "history")
parameters: dict[str, dict[str, st.SearchStrategy[str]]] = {
    "models": model_filters | paging | {
        "sort": sorts, "include": includes,
        "facets": some("provider", "family", "mode", "supports"),
    },
    "models/": {"include": includes, "asOf": day_text},
    "pricing": one_price | {"asOf": day_text} | paging,
    "benchmarks": {"model": st.sampled_from(IDS), "name": st.sampled_from(BENCHMARKS)} | paging,
    "compare": {"inputTokens": st.just("1000000"), "outputTokens": st.just("7")},
    "search": paging,
    "providers": paging,
    "providers/": {},
    "catalog": {},
    "changes": {"since": st.sampled_from(("0", "5")), "limit": st.sampled_from(("3", "1000")),
                "table": some("models", "pricing"), "model": st.sampled_from(IDS)},
    "changes.atom": {},
    "export/models.csv": model_filters, "export/pricing.csv": one_price,
    "export/benchmarks.csv": {"name": st.sampled_from(BENCHMARKS)}, "export/providers.csv": {},
}  # fmt: skip
required = {"compare": {"ids": some(*IDS)}, "search": {"q": words}}


@st.composite
def question(draw: st.DrawFn, path: str) -> str:
    """A URL of an endpoint with some of its parameters."""
    wanted = draw(st.fixed_dictionaries(required.get(path, {}), optional=parameters[path]))
    if path.endswith("/"):
        path += quote(draw(st.sampled_from(IDS if path == "models/" else PROVIDERS)), safe="/")
    return f"/v1/{path}?{urlencode(wanted)}"


questions = st.tuples(*map(question, parameters), *[question("models")] * 4)
