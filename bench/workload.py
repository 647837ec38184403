"""Questions to measure with: seeded, so that a run can be repeated, and none twice in a row.

Popular things are asked for more often than others, as by people.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from itertools import combinations, product
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw
from msgspec.structs import replace

from bench.dataset import TODAY
from service.domain.models import Capability
from service.domain.queries import (
    CompareQuery,
    Facet,
    ModelQuery,
    ModelSort,
    SearchQuery,
)

T = TypeVar("T")

WORDS: Final = (
    "gpt", "claude", "gemini", "llama", "claude sonnet", "gpt-5", "deepseek", "mini", "qwen3 coder",
    "o3", "flash", "mistral large", "anthropic/claude", "embedding", "4o", "opus 4", "kimi",
    "turbo", "grok code fast", "free", "vl", "instruct", "nova", "nothing like this",
)  # fmt: skip
SUPPORTS: Final[tuple[Capability, ...]] = ("tools", "vision", "reasoning", "structuredOutput")
BENCHMARKS: Final = ("arena-overall", "arena-coding", "arena-math", "arena-vision")
FACETS: Final[tuple[Facet, ...]] = ("provider", "family", "mode", "supports")
SORTS: Final[tuple[ModelSort, ...]] = (
    "name", "-name", "provider", "-provider", "releaseDate", "-releaseDate",
    "contextWindow", "-contextWindow", "maxOutput", "-maxOutput", "inputPrice", "-inputPrice",
    "outputPrice", "-outputPrice", "updatedAt", "-updatedAt",
)  # fmt: skip
_SCORE_SORTS: Final[tuple[ModelSort, ...]] = ("score", "-score")
_DAY: Final = datetime.date.fromisoformat


def skewed(rng: random.Random, items: list[T]) -> T:
    """One of them, the first ones far more often: a tenth is asked for half of the time."""
    return items[int(len(items) * rng.random() ** 3.3)]


class Names:
    """Ids that there are in a catalogue, popular ones first."""

    def __init__(self, file: Path, seed: int = 1) -> None:
        with closing(apsw.Connection(str(file), apsw.SQLITE_OPEN_READONLY)) as db:
            find = "SELECT {} FROM listing {} ORDER BY 1"
            self.models = [r[0] for r in db.execute(find.format("model_id", ""))]
            self.providers = [r[0] for r in db.execute(find.format("DISTINCT provider_id", ""))]
            known = "WHERE canonical IS NOT NULL"
            self.canonical = [r[0] for r in db.execute(find.format("DISTINCT canonical", known))]
        rng = random.Random(seed)
        for ids in (self.models, self.providers, self.canonical):
            rng.shuffle(ids)


def lists(names: Names, rng: random.Random) -> Iterator[ModelQuery]:
    """List pages as a frontend asks for them: mostly a filter or two, one of the first pages."""
    while True:
        asked: dict[str, Any] = {}
        for chance, filters in (
            (0.3, {"provider": (skewed(rng, names.providers),)}),
            (0.3, {"supports": tuple(rng.sample(SUPPORTS, rng.randint(1, 2)))}),
            (0.15, {"min_context": rng.choice((32_000, 128_000, 200_000, 1_000_000))}),
            (0.15, {"max_input_price": Decimal(rng.choice(("0", "0.5", "1", "3")))}),
            (0.1, {"released_after": TODAY - datetime.timedelta(days=rng.choice((90, 365)))}),
            (0.1, {"open_weights": True}),
            (0.1, {"q": skewed(rng, list(WORDS))}),
            (0.5, {"sort": (skewed(rng, ["-releaseDate", "inputPrice", "outputPrice", *SORTS]),)}),
            (0.3, {"page": 1 + skewed(rng, list(range(10)))}),
        ):
            if rng.random() < chance:
                asked |= filters
        yield ModelQuery(**asked)


def comparisons(names: Names, rng: random.Random) -> Iterator[CompareQuery]:
    """Five models side by side."""
    while True:
        yield CompareQuery(ids=tuple({skewed(rng, names.models): None for _ in range(5)}))


def searches(rng: random.Random) -> Iterator[SearchQuery]:
    """Words as they are typed: whole or as far as they are written."""
    while True:
        q = skewed(rng, list(WORDS))
        yield SearchQuery(q=q[: max(2, rng.randint(2, 2 * len(q)))])


def filters(names: Names) -> dict[str, list[dict[str, Any]]]:
    """Every filter by its name with values that leave much, little and nothing."""
    money = [Decimal(text) for text in ("0", "0.1", "1", "1000")]
    tokens = (1, 128_000, 1_000_000, 100_000_000)
    days = [_DAY(text) for text in ("2020-01-01", "2024-06-01", "2025-12-01", "2030-01-01")]
    values: dict[str, list[Any]] = {
        "q": ["gpt", "claude sonnet", "o3", "e", "4o mini", "nothing like this"],
        "ids": [tuple(names.models[:3])],
        "provider": [(names.providers[0],), ("openrouter", "openai"), tuple(names.providers[:40])],
        "canonical": [names.canonical[0], "no/such"],
        "supports": [("tools",), ("vision", "reasoning"), ("streaming", "promptCaching")],
        "input_modalities": [("text",), ("image",), ("audio", "video")],
        "output_modalities": [("text",), ("image",)],
        "min_context": list(tokens),
        "min_output": list(tokens),
        "max_input_price": money,
        "max_output_price": money,
        "released_after": days,
        "released_before": days,
        "open_weights": [True, False],
        "deprecated": ["true", "any"],
        "benchmark": ["arena-overall", "arena-vision", "no-such"],
        "as_of": [TODAY, _DAY("2026-03-01"), _DAY("2022-01-01")],
    }
    found = {name: [{name: value} for value in some] for name, some in values.items()}
    found["min_score"] = [
        {"benchmark": "arena-overall", "min_score": Decimal(score)} for score in (1000, 1400, 2000)
    ]
    return found


def combinations_of(names: Names) -> Iterator[ModelQuery]:
    """Every filter and sort alone and together, and every pair of filters."""
    values = filters(names)
    singles = [value for some in values.values() for value in some]
    for value, sort in product(
        ({}, *singles), ((), *((sort,) for sort in (*SORTS, *_SCORE_SORTS)))
    ):
        if not (sort and sort[0] in _SCORE_SORTS and "benchmark" not in value):
            yield ModelQuery(**value, sort=sort)
    for one, other in combinations(values.values(), 2):
        for value in ({**one[0], **other[0]}, {**one[-1], **other[1 % len(other)]}):
            yield ModelQuery(**value)


def every(names: Names, random_ones: int, seed: int = 1) -> Iterator[ModelQuery]:
    """All of these, and random ones of more filters and sorts."""
    yield from combinations_of(names)
    values = filters(names)
    rng = random.Random(seed)
    for _ in range(random_ones):
        asked: dict[str, Any] = {}
        for name in rng.sample(list(values), rng.randint(2, 4)):
            asked |= rng.choice(values[name])
        yield ModelQuery(
            **asked,
            sort=tuple(rng.sample(SORTS, rng.randint(1, 3))),
            page_size=rng.choice((10, 50, 500)),
            page=rng.choice((1, 1, 2, 50)),
        )


def deep(names: Names) -> Iterator[ModelQuery]:
    """Pages in the middle and at the end."""
    for page in (len(names.models) // 100, len(names.models) // 50 - 100):
        for sort in SORTS:
            yield ModelQuery(sort=(sort,), page=page)
        yield ModelQuery(supports=("tools",), page=page // 2)


def faceted(names: Names) -> Iterator[ModelQuery]:
    """Each facet alone, and all of them, under each filter."""
    for facet in FACETS:
        yield ModelQuery(facets=(facet,))
    for some in ([{}], *filters(names).values()):
        for value in some:
            yield replace(ModelQuery(**value), facets=FACETS)
