"""`/frontier`: price against score, and the models that none beats at both."""

from __future__ import annotations

import datetime
from typing import Annotated, Final, Literal

from msgspec import Meta

from service.application import frontier
from service.domain.queries import ModelQuery, Query, Text
from service.errors import NotFound
from service.http.pages.forms import link
from service.http.pages.page import Page, View
from service.http.words import unknown
from service.storage.database import Database

_DEFAULT: Final = "arena-overall"
_FIGURES: Final[dict[str, Literal["input_price", "output_price"]]] = {
    "inputPrice": "input_price",
    "outputPrice": "output_price",
}


class FrontierQuery(Query, frozen=True, kw_only=True):
    """`GET /frontier`."""

    benchmark: Annotated[Text | None, Meta(description="Whose score; arena-overall if there.")] = (
        None
    )
    price: Annotated[Literal["inputPrice", "outputPrice"], Meta(description="Which price.")] = (
        "outputPrice"
    )


async def show(reader: Database, query: FrontierQuery, *, today: datetime.date) -> View:
    """The scores of a benchmark against a price."""
    names = await frontier.benchmark_names(reader)
    benchmark = query.benchmark or (_DEFAULT if _DEFAULT in names else next(iter(names), None))
    if benchmark is None:
        return View("Price and score", None, (), {"benchmark": None, "names": names})
    if benchmark not in names:
        raise NotFound(unknown("benchmark", benchmark, names))
    found = await frontier.find_frontier(reader, benchmark, _FIGURES[query.price], today)
    wanted = ModelQuery(
        benchmark=benchmark, sort=("-score",), include=("pricing", "benchmarks"), page_size=500
    )
    return View(
        title=f"Price and score: {benchmark}",
        revision=found.snapshot.revision,
        calls=(link("/v1/models", wanted),),
        values={
            "benchmark": benchmark,
            "names": names,
            "found": found,
        },
    )


FRONTIER: Final = Page(
    path="/frontier",
    operation="frontierPage",
    summary="price against score, with the models that none beats at both",
    use_case=show,
    template="explorer/frontier.html",
    keep="prices",
)
