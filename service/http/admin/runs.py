"""`/admin/runs/{id}`: one run, and what it changed."""

from __future__ import annotations

from typing import Final

from service.application import runs, viewer
from service.application.undo import undo_run
from service.domain.conditions import Choice, Condition
from service.domain.viewer import VIEWS
from service.errors import Conflict
from service.http.admin.page import AdminPage, Visit, go
from service.http.admin.state import State
from service.http.errors import STATUS
from service.http.reply import Reply


async def show_run(visit: Visit) -> Reply:
    """The run with its newest changes; all of them are in the table of changes."""
    return await _show(visit, visit.names["id"])


async def undo(visit: Visit) -> Reply:
    """Undo the run, which is a run of its own; not where what others did since would be lost."""
    writer, id = visit.service.writer, visit.names["id"]
    author = visit.author._replace(run_id=runs.new_id())
    try:
        revision, _ = await undo_run(writer, id, author=author)
    except Conflict as error:
        return await _show(visit, id, STATUS[error.code], problem=error.message)
    await visit.service.watch.wrote(writer, revision)
    return go(visit, f"/admin/runs/{author.run_id}")


async def _show(visit: Visit, id: str, status: int = 200, problem: str | None = None) -> Reply:
    run = (await runs.get_run(visit.reader, id)).data
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
        status,
        problem=problem,
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
    AdminPage(
        method="POST",
        path="/admin/runs/{id}",
        summary="Undo a run",
        show=undo,
        example={"id": "0"},
    ),
)
