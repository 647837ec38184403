"""What the service has to answer about the catalogue of the tests, worked out in plain Python.

`World` replays the steps into the JSON of every row. Filters, sorting and paging are lists and
comparisons over those, with nothing from the service but the row structs that batches are made of.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET

from tests.catalog import STEPS, TODAY, Step

Json = dict[str, Any]
# The members of each row beside those that its struct in a batch has.
_KEYS = {
    "providers": ("id",),
    "models": ("id",),
    "pricing": ("modelId", "serviceTier", "contextThreshold", "effectiveDate"),
    "benchmarks": ("modelId", "benchmarkName"),
}
_DEFAULTS: dict[str, Json] = {
    "models": {"mode": "chat", "deprecated": False, "inputModalities": (), "outputModalities": ()},
    "pricing": {"state": "unknown"},
    "benchmarks": {"higherIsBetter": True},
}
_FIGURES = tuple(
    f"{name}Price"
    for name in ("input", "output", "cachedInput", "cacheWrite", "reasoning", "inputAudio",
                 "outputAudio")
)  # fmt: skip
CAPABILITIES = ("vision", "tools", "functionCalling", "streaming", "reasoning", "structuredOutput",
                "promptCaching")  # fmt: skip


def stamp(moment: datetime.datetime) -> str:
    text = moment.astimezone(datetime.UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def plain(value: Any) -> Any:
    """A value as JSON shows it."""
    if isinstance(value, datetime.datetime):
        return stamp(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    return sorted(value) if isinstance(value, tuple) else value


class World:
    """The rows that are left after some steps, as JSON, in the order in which they were made."""

    def __init__(self, steps: Iterable[Step] = STEPS) -> None:
        self.rows: dict[str, dict[tuple[Any, ...], Json]] = {table: {} for table in _KEYS}
        self._numbers = {"pricing": 0, "benchmarks": 0}
        for step in steps:
            for table in _KEYS:
                for row in getattr(step.batch, table):
                    self._put(table, row, stamp(step.now))
            for table, key in step.deleted:
                del self.rows[table][tuple(key.split(" "))]
        self.providers = sorted(self.rows["providers"].values(), key=lambda p: p["id"])
        offered = {provider["id"] for provider in self.providers}
        self.models = sorted(
            (m for m in self.rows["models"].values() if m["providerId"] in offered),
            key=lambda m: m["id"],
        )
        self.model = {model["id"]: model for model in self.models}
        self.prices = [p for p in self.rows["pricing"].values() if p["modelId"] in self.model]
        self.scores = [s for s in self.rows["benchmarks"].values() if s["modelId"] in self.model]
        self.prices.sort(key=lambda p: (p["modelId"], p["serviceTier"], p["contextThreshold"]))
        self.prices.sort(key=lambda p: p["effectiveDate"], reverse=True)
        self.scores.sort(key=lambda s: (s["benchmarkName"], s["modelId"]))

    def _put(self, table: str, row: msgspec.Struct, now: str) -> None:
        names = dict(zip(row.__struct_fields__, row.__struct_encode_fields__, strict=True))
        values = msgspec.structs.asdict(row).items()
        given = {names[name]: plain(value) for name, value in values if value is not UNSET}
        given.pop("observedOn", None)
        if table == "models":
            given["id"] = f"{given['providerId']}/{given['modelId']}"
        key = tuple(given[name] for name in _KEYS[table])
        old = self.rows[table].get(key)
        if table == "pricing" and "state" not in given and set(_FIGURES) & set(given):
            merged = (old or {}) | given
            figures = [f for name in _FIGURES if (f := merged.get(name)) is not None]
            given["state"] = "paid" if any(figures) else "free" if figures else "unknown"
        if old is None:
            number = {}
            if table in self._numbers:
                self._numbers[table] += 1
                number = {"id": self._numbers[table]}
            empty = dict.fromkeys(names.values()) | _DEFAULTS.get(table, {})
            empty.pop("observedOn", None)
            made = empty | given | number | {"createdAt": now, "updatedAt": now}
            self.rows[table][key] = {name: plain(value) for name, value in made.items()}
        elif any(old[name] != value for name, value in given.items()):
            old |= given | {"updatedAt": now}

    def price(self, id: str, day: datetime.date = TODAY) -> Json | None:
        """The price that a model has on a day."""
        return next(
            (
                price
                for price in self.prices
                if (price["modelId"], price["serviceTier"], price["contextThreshold"])
                == (id, "standard", 0)
                and price["effectiveDate"] <= day.isoformat()
            ),
            None,
        )

    def scores_of(self, id: str) -> list[Json]:
        return [score for score in self.scores if score["modelId"] == id]

    def score(self, id: str, name: str) -> Decimal | None:
        found = self.rows["benchmarks"].get((id, name))
        return found["score"] if found else None

    def history(self, id: str) -> list[Json]:
        return [price for price in self.prices if price["modelId"] == id]

    def detail(self, id: str, day: datetime.date = TODAY) -> Json:
        """A model as the list shows it."""
        return self.model[id] | {"pricing": self.price(id, day)}

    def listed(self, query: Json) -> list[str]:
        """Ids of the models that the parameters of a list leave, in its order."""
        query = {"deprecated": "false"} | query
        day = datetime.date.fromisoformat(query.pop("asOf", TODAY.isoformat()))
        sort = query.pop("sort", "")
        benchmark = query.get("benchmark", "")
        found = [
            model
            for model in self.models
            if all(self._keeps(name, value, model, day, query) for name, value in query.items())
        ]
        for key in reversed(sort.split(",") if sort else []):
            value = self._sort_key(key.removeprefix("-"), day, benchmark)
            known = [model for model in found if value(model) is not None]
            known.sort(key=value, reverse=key.startswith("-"))
            found = known + [model for model in found if value(model) is None]
        return [model["id"] for model in found]

    def _sort_key(self, name: str, day: datetime.date, benchmark: str) -> Callable[[Json], Any]:
        if name == "name":
            return lambda model: fold(model["name"])
        if name in ("inputPrice", "outputPrice"):
            return lambda model: (self.price(model["id"], day) or {}).get(name)
        if name == "score":
            return lambda model: self.score(model["id"], benchmark)
        return lambda model: model["providerId" if name == "provider" else name]

    def _keeps(self, name: str, value: str, model: Json, day: datetime.date, query: Json) -> bool:
        values = value.split(",")
        match name:
            case "q":
                return contains(value, model)
            case "ids":
                return model["id"] in values
            case "provider":
                return model["providerId"] in values
            case "canonical":
                return bool(model["canonical"] == value)
            case "supports":
                return all(model[f"supports{v[0].upper()}{v[1:]}"] for v in values)
            case "inputModalities" | "outputModalities":
                return set(values) <= set(model[name])
            case "minContext" | "minOutput":
                figure = model["contextWindow" if name == "minContext" else "maxOutput"]
                return figure is not None and figure >= int(value)
            case "maxInputPrice" | "maxOutputPrice":
                price = self.price(model["id"], day) or {}
                figure = price.get("inputPrice" if name == "maxInputPrice" else "outputPrice")
                return figure is not None and figure <= Decimal(value)
            case "releasedAfter":
                return (model["releaseDate"] or "") >= value
            case "releasedBefore":
                return (model["releaseDate"] or "9999") <= value
            case "openWeights":
                return bool(model["openWeights"] is (value == "true"))
            case "deprecated":
                return value == "any" or model["deprecated"] is (value == "true")
            case "benchmark":
                return self.score(model["id"], value) is not None
            case "minScore":
                score = self.score(model["id"], query["benchmark"])
                return score is not None and score >= Decimal(value)
        raise AssertionError(f"what does {name} mean?")


def fold(text: str) -> str:
    return " ".join(text.split()).casefold()


def contains(q: str, row: Json) -> bool:
    return all(w in fold(row["name"]) or w in row["id"].lower() for w in fold(q).split(" "))


def page(rows: Sequence[Any], number: int, size: int) -> Sequence[Any]:
    return rows[(number - 1) * size : number * size]
