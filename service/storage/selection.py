"""Which rows of the listing a filter leaves, and in which order: the FROM, WHERE and ORDER BY."""

from __future__ import annotations

import datetime

from service.domain.decimals import to_billionths
from service.domain.models import CAPABILITIES, INPUT_MODALITIES, OPEN_WEIGHTS, OUTPUT_MODALITIES
from service.domain.queries import ModelFilter, ModelSort
from service.storage.database import Engine, Value
from service.storage.matching import contains

_SORT_COLUMNS: dict[str, str] = {
    "name": "l.name_folded",
    "provider": "l.provider_id",
    "releaseDate": "l.release_date",
    "contextWindow": "l.context_window",
    "maxOutput": "l.max_output",
    "inputPrice": "l.input_price",
    "outputPrice": "l.output_price",
    "updatedAt": "l.updated_at",
    "score": "b.score",
}
_PRICED = {
    "l.input_price": "c.input_price_per_million",
    "l.output_price": "c.output_price_per_million",
}


class Selection:
    """The listing rows that a filter leaves: FROM and WHERE, with their parameters.

    `as_of` None reads the current prices that the listing holds; a day looks them up in the
    history, which costs a lookup per row.
    """

    def __init__(self, engine: Engine, wanted: ModelFilter, as_of: datetime.date | None) -> None:
        self.params: dict[str, Value] = {}
        self._where: list[str] = []
        self._joins: list[str] = []
        self.as_of = as_of
        self.needs_price = False
        if wanted.q is not None:
            condition, params = contains(engine, wanted.q)
            self._where.append(condition)
            self.params |= params
        self._one_of("l.model_id", "id", wanted.ids)
        self._one_of("l.provider_id", "provider", wanted.provider)
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
        self._compare("l.canonical =", "canonical", wanted.canonical)
        self._compare("l.context_window >=", "min_context", wanted.min_context)
        self._compare("l.max_output >=", "min_output", wanted.min_output)
        self._compare("l.release_date >=", "released_after", day(wanted.released_after))
        self._compare("l.release_date <=", "released_before", day(wanted.released_before))
        for name, limit in (
            ("input_price", wanted.max_input_price),
            ("output_price", wanted.max_output_price),
        ):
            if limit is not None:
                self._compare(self.column(f"l.{name}") + " <=", f"max_{name}", to_billionths(limit))
        if wanted.benchmark is not None:
            self._joins.append(
                "JOIN benchmarks AS b ON b.model_id = l.model_id"
                " AND b.benchmark_name = :benchmark AND b.deleted_at IS NULL"
            )
            self.params["benchmark"] = wanted.benchmark
            if wanted.min_score is not None:
                self._compare("b.score >=", "min_score", to_billionths(wanted.min_score))

    def column(self, name: str) -> str:
        """A listing column, or where the price of another day is read instead."""
        if self.as_of is not None and name in _PRICED:
            self.needs_price = True
            return _PRICED[name]
        return name

    def narrow(self, condition: str, **params: Value) -> None:
        """Add a condition of the caller's."""
        self._where.append(condition)
        self.params |= params

    def sql(self, columns: str) -> str:
        """`SELECT columns FROM … WHERE …`."""
        joins = list(self._joins)
        if self.needs_price and self.as_of is not None:
            self.params["as_of"] = self.as_of.isoformat()
            joins.append(f"LEFT JOIN pricing AS c ON c.id = {price_as_of('l.model_id')}")
        where = f"\nWHERE {' AND '.join(self._where)}" if self._where else ""
        return f"SELECT {columns} FROM listing AS l {' '.join(joins)}{where}"

    def _compare(self, comparison: str, name: str, value: Value) -> None:
        if value is not None:
            self._where.append(f"{comparison} :{name}")
            self.params[name] = value

    def _one_of(self, column: str, name: str, values: tuple[str, ...]) -> None:
        if values:
            marks, params = one_of(name, values)
            self._where.append(f"{column} IN ({marks})")
            self.params |= params


def one_of(name: str, values: tuple[str, ...]) -> tuple[str, dict[str, Value]]:
    """Placeholders for an IN list, and their parameters."""
    params: dict[str, Value] = {f"{name}{i}": value for i, value in enumerate(values)}
    return ", ".join(f":{key}" for key in params), params


def price_as_of(model: str) -> str:
    """A subquery for the key of the base price that applied on `:as_of`."""
    return f"""(
        SELECT p.id FROM pricing AS p
        WHERE p.model_id = {model} AND p.service_tier = 'standard' AND p.context_threshold = 0
            AND p.effective_date <= :as_of AND p.deleted_at IS NULL
        ORDER BY p.effective_date DESC LIMIT 1
    )"""


def day(value: datetime.date | None) -> str | None:
    """A day as it is stored."""
    return None if value is None else value.isoformat()


def order(selection: Selection, sort: tuple[ModelSort, ...]) -> list[tuple[str, str]]:
    """Column and direction of each key; unknown values last, ties broken by id."""
    keys = []
    for key in sort:
        column = selection.column(_SORT_COLUMNS[key.lstrip("-")])
        keys.append((column, "DESC NULLS LAST" if key.startswith("-") else "ASC NULLS LAST"))
    return [*keys, ("l.model_id", "ASC")]
