"""`/admin/runs/{id}`: one run, and what it changed."""

from __future__ import annotations

from typing import Final

from service.application import runs, viewer
from service.domain.conditions import Choice, Condition
from service.domain.viewer import VIEWS
from service.http.admin.page import AdminPage, Visit
from service.http.admin.state import State
from service.http.reply import Reply


async def show_run(visit: Visit) -> Reply:
    """The run with its newest changes; all of them are in the table of changes."""
    run = (await runs.get_run(visit.reader, visit.names["id"])).data
    view = VIEWS["changes"]
    where = [("runId", Condition("=", run.id))]
    filters = {"runId": f"={run.id}"}
    if span := await runs.get_span(visit.reader, run.id):
        # So that the log is not looked through from its beginning.
        first, last = span
        where += [("revision", Condition(">", first)), ("revision", Condition("<=", last))]
        filters["revision"] = f"{first + 1}..{last}"
    changes = await viewer.list_rows(visit.reader, Choice(view, tuple(where)))
    return visit.html(
        "run.html",
        title=f"Run {run.id[:8]}",
        run=run,
        view=view,
        changes=changes,
        all_of_them=State(view, filters).url(),
        size=viewer.PAGE_SIZE,
    )


PAGES: Final = (
    AdminPage(
        method="GET",
        path="/admin/runs/{id}",
        summary="A run and what it changed",
        show=show_run,
        example={"id": "0"},
    ),
)
