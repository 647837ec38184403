"""Which rows of the listing a filter leaves, and in which order: the FROM, WHERE and ORDER BY.

SQLite has no statistics (the libSQL server refuses ANALYZE), so it is told where to start: at the
filter that leaves least, or else along an index that holds every column that is filtered by.
Postgres finds that out by itself.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Final

from service.domain.decimals import to_billionths
from service.domain.models import CAPABILITIES, INPUT_MODALITIES, OPEN_WEIGHTS, OUTPUT_MODALITIES
from service.domain.queries import ModelFilter
from service.storage.database import Engine, Value
from service.storage.matching import INDEX, INDEXED, all_of, contains, is_indexed, words_of

PRICES: Final = ("input_price", "output_price")
# The lengths that periods of prices have, found by jumps along their key.
LENGTHS: Final = """lengths (weeks) AS (
    SELECT min(weeks) FROM listing_prices
    UNION ALL
    SELECT (SELECT min(d.weeks) FROM listing_prices AS d WHERE d.weeks > lengths.weeks)
    FROM lengths WHERE lengths.weeks IS NOT NULL
)"""
_ON_DAY = "{0}.starts <= :day AND {0}.ends > :day"
_FIRST = datetime.date(1970, 1, 1)
_SCORED = "b.model_id = l.model_id AND b.benchmark_name = :benchmark AND b.deleted_at IS NULL"
# Whether the current price is also the one that applied on `:as_of`.
_SAME_PRICE = (
    "coalesce(l.price_date, '') <= :as_of AND coalesce(l.next_price_date, '9999') > :as_of"
)


class Selection:
    """The listing rows that a filter leaves: FROM and WHERE, with their parameters.

    `as_of` None reads the current prices that the listing holds, a day those that applied then.
    """

    def __init__(self, engine: Engine, wanted: ModelFilter, as_of: datetime.date | None) -> None:
        self.params: dict[str, Value] = {}
        if as_of is not None:
            self.params |= {"as_of": as_of.isoformat(), "day": (as_of - _FIRST).days}
        self._as_of = as_of
        self._engine = engine
        # What is asked of the columns of `l`, and of its text.
        self._where: list[str] = []
        self._words: list[str] = []
        if wanted.deprecated != "any":
            self._compare("l.deprecated =", "deprecated", int(wanted.deprecated == "true"))
        bits = sum({CAPABILITIES[c] for c in wanted.supports})
        bits += sum({INPUT_MODALITIES[m] for m in wanted.input_modalities})
        bits += sum({OUTPUT_MODALITIES[m] for m in wanted.output_modalities})
        if wanted.open_weights is not None:
            bits += OPEN_WEIGHTS[wanted.open_weights]
        if bits:
            # The same to both, but Postgres takes an equality for rare, and limits for common.
            same = ">=" if engine == "postgres" else "="
            self._where.append(f"(l.bits & :bits) {same} :bits")
            self.params["bits"] = bits
        # What listing_counts holds.
        self._kinds = tuple(self._where)
        self._one_of("l.model_id", "id", wanted.ids)
        self._one_of("l.provider_id", "provider", wanted.provider)
        self._compare("l.canonical =", "canonical", wanted.canonical)
        self._compare("l.context_window >=", "min_context", wanted.min_context)
        self._compare("l.max_output >=", "min_output", wanted.min_output)
        self._compare("l.release_date >=", "released_after", day(wanted.released_after))
        self._compare("l.release_date <=", "released_before", day(wanted.released_before))
        # The prices that have a limit.
        self.limited: list[str] = []
        for price, limit in zip(
            PRICES, (wanted.max_input_price, wanted.max_output_price), strict=True
        ):
            if limit is not None:
                self.limited.append(price)
                self.params[f"max_{price}"] = to_billionths(limit)
        if wanted.benchmark is not None:
            self._where.append(_SCORED)
            self.params["benchmark"] = wanted.benchmark
            if wanted.min_score is not None:
                self._compare("b.score >=", "min_score", to_billionths(wanted.min_score))
        unfiltered = len(self._where) == len(self._kinds) and not self.limited
        # Whether words have to be looked for in every text, for want of another start.
        self.scans_text = False
        # Whether the index of words can tell how many rows there are.
        self.is_indexed = False
        self._from, self._follows = self._start(engine, wanted)
        self.is_indexed &= unfiltered and not bits
        # Whether listing_counts can tell it.
        self.is_counted = unfiltered and not self._words
        # The column with a limit whose index leads to a piece with all rows, which may be few.
        self.bound = self._bound(wanted) if self._follows and not self.scans_text else None
        # Whether the groups of listing_counts that are left have mostly fewer than that piece.
        self.is_grouped = self._follows and bool(bits) and self.bound != "l.release_date"
        # Whether to find all rows costs less than to find those of a page and to count them all.
        self.is_narrow = not (engine == "postgres" or self._follows or self.is_indexed)

    @property
    def is_dated(self) -> bool:
        """Whether the prices of another day can be read in their periods, with all filters."""
        return self._as_of is not None and self._is_wide

    def column(self, name: str) -> str:
        """A listing column; of a price the one that applied on the day."""
        price = name.removeprefix("l.")
        if self._as_of is None or price not in PRICES:
            return name
        return f"""(
            SELECT d.{price} FROM listing_prices AS d
            WHERE d.number = l.number AND d.starts <= :day ORDER BY d.starts DESC LIMIT 1
        )"""

    def sql(self, columns: str, index: str | None = None, *also: str, after: str = "") -> str:
        """`SELECT columns FROM … WHERE …`; along this index, if no filter has a better start.

        `also` are further conditions, `after` is what to begin with in their stead.
        """
        start = f"{after} CROSS JOIN {self._from}" if after else self._from
        if index and self._follows:
            start += f" INDEXED BY {index}"
        where = (*self._where, *self._words, *self._limits(self.column), *also)
        return f"SELECT {columns} FROM {start}{_all(where)}"

    def numbers(self, index: str | None = None) -> str:
        """`SELECT number …` alone, which the index of words has where `is_indexed`."""
        if self.is_indexed:
            return f"SELECT s.rowid AS number FROM {INDEX}{_all(self._words)}"
        return self.sql("l.number", index)

    def past(self, columns: str, index: str | None) -> str:
        """The same as `sql`, but always along the index, past rows that lack the words."""
        if self.is_indexed and index:
            member = f"l.number IN ({self.numbers()})"
            return f"SELECT {columns} FROM listing AS l INDEXED BY {index} WHERE {member}"
        return self.sql(columns, index)

    def dated(self, columns: str, *also: str) -> str:
        """The same in no order, where `is_dated`, out of the periods that hold the day.

        `l` has the prices of the day and what filters look at; the statement begins with `LENGTHS`.
        """
        period = "l.weeks = w.weeks AND l.starts > :day - 7 * w.weeks"
        where = (period, _ON_DAY.format("l"), *self._where, *self._limits(str), *also)
        return f"SELECT {columns} FROM lengths AS w CROSS JOIN listing_prices AS l{_all(where)}"

    def by_price(self, price: str, columns: str, *also: str) -> str:
        """The same along the order of a price that is known, where `is_dated`; it stands in `d`."""
        start = "listing_prices AS d"
        if self._engine != "postgres":
            start += f" INDEXED BY listing_prices_{price}"
        period = f"d.{price} IS NOT NULL AND {_ON_DAY.format('d')} AND l.number = d.number"
        limits = self._limits(lambda name: f"d.{name[2:]}")
        where = (period, *self._where, *limits, *also)
        return f"SELECT {columns} FROM {start} CROSS JOIN listing AS l{_all(where)}"

    def counts(self, columns: str, index: str) -> str:
        """`SELECT columns …` over the groups of listing_counts, with the number of their `models`.

        Where it is not `is_counted`, but `is_walked`, what is left of each is one piece of an index
        that begins with bits, mode, family and deprecated.
        """
        groups = f"FROM listing_counts AS l{_all(self._kinds)}"
        if self.is_counted:
            return f"SELECT {columns} {groups}"
        alike = "l.bits = g.bits AND l.mode = g.mode AND l.family IS nullif(g.family, '')"
        where = (alike, "l.deprecated = g.deprecated", *self._where, *self._words)
        left = f"""SELECT count(*) FROM listing AS l INDEXED BY {index}
            {_all((*where, *self._limits(self.column)))}"""
        return f"""SELECT {columns} FROM (
            SELECT g.bits, g.mode, g.family, ({left}) AS models FROM (SELECT * {groups}) AS g
        ) AS l"""

    @property
    def is_walked(self) -> bool:
        """Whether `sql` is along the index that it is given."""
        return self._follows

    def _start(self, engine: Engine, wanted: ModelFilter) -> tuple[str, bool]:
        """Where the rows come from, and whether along an index of the caller's choice.

        Adds the conditions on the words of `q`, which depend on that.
        """
        words = [] if wanted.q is None else words_of(wanted.q)
        narrowing = (wanted.ids, wanted.canonical, wanted.provider, wanted.benchmark, words)
        self._is_wide = not any(narrowing)
        indexed = [word for word in words if is_indexed(word)]
        texts, params = contains(words)
        start, follows = "listing AS l", False
        if engine == "postgres" or wanted.ids:
            pass
        elif wanted.canonical is not None:
            start += " INDEXED BY listing_canonical"
        elif wanted.provider:
            start += " INDEXED BY listing_provider"
        elif wanted.benchmark is not None:
            start = f"benchmarks AS b CROSS JOIN {start} INDEXED BY listing_ids"
        elif indexed:
            start = INDEXED
            question, asked = all_of(indexed, wanted.deprecated)
            self.is_indexed = indexed == words
            self._words = [f"s.listing_search MATCH {question}"]
            self.params |= asked
        else:
            follows = True
            self.scans_text = bool(words)
        if wanted.benchmark is not None and "benchmarks" not in start:
            start += " CROSS JOIN benchmarks AS b"
        found = indexed if self._words else []
        self._words += [text for word, text in zip(words, texts, strict=True) if word not in found]
        self.params |= params
        return start, follows

    def _bound(self, wanted: ModelFilter) -> str | None:
        if wanted.released_after or wanted.released_before:
            return "l.release_date"
        if self.limited and self._as_of is None:
            return f"l.{self.limited[0]}"
        if wanted.min_context is not None:
            return "l.context_window"
        return None if wanted.min_output is None else "l.max_output"

    def _limits(self, column: Callable[[str], str]) -> list[str]:
        return [f"{column(f'l.{price}')} <= :max_{price}" for price in self.limited]

    def _compare(self, comparison: str, name: str, value: Value) -> None:
        if value is not None:
            self._where.append(f"{comparison} :{name}")
            self.params[name] = value

    def _one_of(self, column: str, name: str, values: tuple[str, ...]) -> None:
        if values:
            marks, params = one_of(name, values)
            self._where.append(f"{column} IN ({marks})")
            self.params |= params


def _all(conditions: Sequence[str]) -> str:
    return f"\nWHERE {' AND '.join(conditions)}" if conditions else ""


def one_of(name: str, values: tuple[str, ...]) -> tuple[str, dict[str, Value]]:
    """Placeholders for an IN list, and their parameters."""
    params: dict[str, Value] = {f"{name}{i}": value for i, value in enumerate(values)}
    return ", ".join(f":{key}" for key in params), params


def price_key(as_of: datetime.date | None) -> str:
    """The key of the price that applies to the row `l` of the listing, now or on `:as_of`."""
    if as_of is None:
        return "l.price_id"
    return f"""CASE WHEN {_SAME_PRICE} THEN l.price_id ELSE (
        SELECT b.id FROM pricing AS b
        WHERE b.model_id = l.model_id AND b.service_tier = 'standard' AND b.context_threshold = 0
            AND b.effective_date <= :as_of AND b.deleted_at IS NULL
        ORDER BY b.effective_date DESC LIMIT 1
    ) END"""


def day(value: datetime.date | None) -> str | None:
    """A day as it is stored."""
    return None if value is None else value.isoformat()
