"""`/compare`: models side by side, and what a workload costs with each."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import Meta

from service.application import compare
from service.domain.compare import ComparedModel, Comparison
from service.domain.models import CAPABILITIES
from service.domain.pricing import FIGURES, Price
from service.domain.queries import CompareQuery, Id
from service.http.pages.forms import link
from service.http.pages.page import Page, View
from service.http.rules import members
from service.storage.database import Database


class ComparisonQuery(CompareQuery, frozen=True, kw_only=True):
    """`GET /compare`: without models at first, and of as many as fit beside each other."""

    ids: Annotated[tuple[Id, ...], Meta(max_length=8)] = ()


_FIELDS: Final = members(ComparedModel)
_ALWAYS: Final = ("input_price", "output_price")


class Row(NamedTuple):
    """A row of the comparison: its values in the order of the models, and who is best."""

    label: str
    # How the template shows a value.
    kind: str
    values: tuple[Any, ...]
    best: frozenset[str]


async def show(reader: Database, query: ComparisonQuery, *, today: datetime.date) -> View:
    """The models in the order asked for; none at first."""
    if not query.ids:
        nothing: dict[str, Any] = {"models": (), "groups": {}}
        return View("Compare models", None, (), nothing)
    wanted = CompareQuery(**msgspec.structs.asdict(query))
    answer = await compare.compare_models(reader, wanted, today=today)
    tokens = (query.input_tokens, query.output_tokens, query.cached_input_tokens)
    workload = any(one is not None for one in tokens)
    return View(
        title="Compare " + ", ".join(model.name for model in answer.data.models),
        revision=answer.meta.revision,
        calls=(link("/v1/compare", wanted),),
        values={
            "models": answer.data.models,
            "groups": dict(_groups(answer.data, workload)),
        },
    )


def _groups(found: Comparison, workload: bool) -> Iterator[tuple[str, list[Row]]]:
    models = found.models

    def row(label: str, kind: str, name: str, values: Iterable[Any]) -> Row:
        return Row(label, kind, tuple(values), frozenset(found.best.get(name, ())))

    def plain(label: str, kind: str, name: str) -> Row:
        return row(label, kind, name, (getattr(model, _FIELDS[name]) for model in models))

    prices = [plain("Cost of the workload", "cost", "cost")] if workload else []
    known = [model.pricing for model in models if model.pricing is not None]
    for name, figure in members(Price).items():
        if figure in _ALWAYS or (
            figure in FIGURES and any(getattr(price, figure) is not None for price in known)
        ):
            values = [(model.pricing, figure) for model in models]
            prices.append(row(_words(name), "price", name, values))
    since = (model.pricing and model.pricing.effective_date for model in models)
    yield "Prices", [*prices, row("In force since", "text", "", since)]
    size = [
        plain("Context window", "number", "contextWindow"),
        plain("Longest answer", "number", "maxOutput"),
        plain("Released", "text", "releaseDate"),
        plain("Knowledge until", "text", "knowledgeCutoff"),
    ]
    yield "Size and age", size
    abilities = [
        *(plain(_words(one), "flag", f"supports{one[0].upper()}{one[1:]}") for one in CAPABILITIES),
        plain("Reads", "list", "inputModalities"),
        plain("Writes", "list", "outputModalities"),
        plain("Open weights", "flag", "openWeights"),
        plain("License", "text", "license"),
    ]
    yield "Abilities", abilities
    scores = [{one.benchmark_name: one.score for one in model.benchmarks} for model in models]
    benchmarks = sorted({name for by_name in scores for name in by_name})
    if benchmarks:
        of = {name: [by_name.get(name) for by_name in scores] for name in benchmarks}
        yield "Scores", [row(n, "number", f"benchmarks.{n}", of[n]) for n in benchmarks]


def _words(name: str) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).capitalize()


COMPARE: Final = Page(
    path="/compare",
    operation="comparePage",
    summary="up to eight models side by side, the best of each row, and the cost of a workload",
    use_case=show,
    template="explorer/compare.html",
    keep="prices",
)
