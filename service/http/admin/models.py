"""`/admin/models/{id}`: all there is to one model, and how it came to be so."""

from __future__ import annotations

from typing import Final

from service.application import viewer
from service.domain.conditions import Choice, Condition
from service.domain.viewer import VIEWS
from service.http.admin.page import AdminPage, Visit
from service.http.reply import Reply


async def show_model(visit: Visit) -> Reply:
    """Its fields, prices, scores and newest changes, deleted ones too."""
    id, reader = visit.names["id"], visit.reader
    row, revision = await viewer.get_row(reader, VIEWS["models"], id)
    of_model = (("modelId", Condition("=", id)),)

    def choice(name: str, *sort: str) -> Choice:
        return Choice(VIEWS[name], of_model, deleted="any", sort=sort)

    prices = await viewer.list_rows(reader, choice("pricing", "-effectiveDate"))
    scores = await viewer.list_rows(reader, choice("benchmarks", "benchmarkName"))
    log = await viewer.list_rows(reader, choice("changes"))
    return visit.html(
        "model.html",
        title=row.values["name"],
        row=row,
        revision=revision,
        views=VIEWS,
        parts=(("pricing", "Prices", prices), ("benchmarks", "Scores", scores)),
        log=log,
        corrected={
            int(change.values["id"])
            for change in log.rows
            if change.values["kind"] == "price_corrected"
        },
        today=visit.author.today,
        size=viewer.PAGE_SIZE,
    )


PAGES: Final = (
    AdminPage(
        method="GET",
        path="/admin/models/{id}",
        summary="A model: fields, price history, scores, change log",
        show=show_model,
        example={"id": "anthropic/claude-sonnet-4-5"},
    ),
)
