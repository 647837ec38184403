"""Which rows of the listing a filter leaves, and in which order: the FROM, WHERE and ORDER BY.

SQLite has no statistics (the libSQL server refuses ANALYZE), so it is told where to start: at the
filter that leaves least, or else along an index that holds every column that is filtered by.
Postgres finds that out by itself.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from service.domain.decimals import to_billionths
from service.domain.models import CAPABILITIES, INPUT_MODALITIES, OPEN_WEIGHTS, OUTPUT_MODALITIES
from service.domain.queries import ModelFilter
from service.storage.database import Engine, Value
from service.storage.matching import INDEX, INDEXED, all_of, contains, is_indexed, words_of

_SCORED = "b.model_id = l.model_id AND b.benchmark_name = :benchmark AND b.deleted_at IS NULL"
# Whether the current price is also the one that applied on `:as_of`.
_SAME_PRICE = (
    "coalesce(l.price_date, '') <= :as_of AND coalesce(l.next_price_date, '9999') > :as_of"
)


class Selection:
    """The listing rows that a filter leaves: FROM and WHERE, with their parameters.

    `as_of` None reads the current prices that the listing holds; for a day those that have changed
    since are looked up in the history.
    """

    def __init__(self, engine: Engine, wanted: ModelFilter, as_of: datetime.date | None) -> None:
        self.params: dict[str, Value] = {} if as_of is None else {"as_of": as_of.isoformat()}
        self._as_of = as_of
        self._looks_up = False
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
            self._where.append("(l.bits & :bits) = :bits")
            self.params["bits"] = bits
        counted = len(self._where)
        self._one_of("l.model_id", "id", wanted.ids)
        self._one_of("l.provider_id", "provider", wanted.provider)
        self._compare("l.canonical =", "canonical", wanted.canonical)
        self._compare("l.context_window >=", "min_context", wanted.min_context)
        self._compare("l.max_output >=", "min_output", wanted.min_output)
        self._compare("l.release_date >=", "released_after", day(wanted.released_after))
        self._compare("l.release_date <=", "released_before", day(wanted.released_before))
        for name, limit in (
            ("l.input_price", wanted.max_input_price),
            ("l.output_price", wanted.max_output_price),
        ):
            if limit is not None:
                self._compare(f"{self.column(name)} <=", f"max_{name[2:]}", to_billionths(limit))
        if wanted.benchmark is not None:
            self._where.append(_SCORED)
            self.params["benchmark"] = wanted.benchmark
            if wanted.min_score is not None:
                self._compare("b.score >=", "min_score", to_billionths(wanted.min_score))
        unfiltered = len(self._where) == counted
        # Whether words have to be looked for in every text, for want of another start.
        self.scans_text = False
        # Whether the index of words can tell how many rows there are.
        self.is_indexed = False
        self._from, self._follows = self._start(engine, wanted)
        self.is_indexed &= unfiltered and not bits
        # Whether listing_counts can tell it.
        self.is_counted = unfiltered and not self._words
        # Whether to find all rows costs less than to find those of a page and to count them all.
        self.is_narrow = self._looks_up or not (
            engine == "postgres" or self._follows or self.is_indexed
        )

    def column(self, name: str) -> str:
        """A listing column; of a price the one that applied on the day."""
        if self._as_of is None or name not in ("l.input_price", "l.output_price"):
            return name
        self._looks_up = True
        stored = base_price(f"p.{name[2:]}_per_million")
        return f"CASE WHEN {_SAME_PRICE} THEN {name} ELSE {stored} END"

    def sql(self, columns: str, index: str | None = None, *also: str, after: str = "") -> str:
        """`SELECT columns FROM … WHERE …`; along this index, if no filter has a better start.

        `also` are further conditions, `after` is what to begin with in their stead.
        """
        start = f"{after} CROSS JOIN {self._from}" if after else self._from
        if index and self._follows:
            # Prices of another day are in no index: the table's own order is the cheapest then.
            start += " NOT INDEXED" if self._looks_up else f" INDEXED BY {index}"
        return f"SELECT {columns} FROM {start}{_all((*self._where, *self._words, *also))}"

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

    def counts(self, columns: str) -> str:
        """The same over listing_counts, where `is_counted`."""
        return f"SELECT {columns} FROM listing_counts AS l{_all(self._where)}"

    @property
    def is_walked(self) -> bool:
        """Whether `sql` is along the index that it is given."""
        return self._follows and not self._looks_up

    def _start(self, engine: Engine, wanted: ModelFilter) -> tuple[str, bool]:
        """Where the rows come from, and whether along an index of the caller's choice.

        Adds the conditions on the words of `q`, which depend on that.
        """
        words = [] if wanted.q is None else words_of(wanted.q)
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


def base_price(column: str, model: str = "l.model_id") -> str:
    """A subquery for a column of the base price `p` that applied on `:as_of`."""
    return f"""(
        SELECT {column} FROM pricing AS p
        WHERE p.model_id = {model} AND p.service_tier = 'standard' AND p.context_threshold = 0
            AND p.effective_date <= :as_of AND p.deleted_at IS NULL
        ORDER BY p.effective_date DESC LIMIT 1
    )"""


def price_key(as_of: datetime.date | None) -> str:
    """The key of the price that applies to the row `l` of the listing, now or on `:as_of`."""
    if as_of is None:
        return "l.price_id"
    return f"CASE WHEN {_SAME_PRICE} THEN l.price_id ELSE {base_price('p.id')} END"


def day(value: datetime.date | None) -> str | None:
    """A day as it is stored."""
    return None if value is None else value.isoformat()
