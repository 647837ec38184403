"""`/admin/tables/{name}`: a table to look at, and all rows that its filters leave as CSV."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec

from service.application import viewer
from service.domain.conditions import Choice
from service.errors import Unavailable
from service.http.admin.page import AdminPage, Visit, go
from service.http.admin.state import State, read_state
from service.http.reply import CACHE_CONTROL, POLICY, Reply, Stream, csv_page, encode
from service.storage.database import Database
from service.storage.viewer import COUNTED


async def show_table(visit: Visit) -> Reply:
    """A page of the table."""
    view = viewer.find_view(visit.names["name"])
    state = read_state(view, visit.query)
    tidy = state.url(page=state.page)
    if not state.problems and "" in visit.query.values():
        return go(visit, tidy)  # a form sends its empty fields too
    problem, found = None, None
    if not state.problems:
        try:
            found = await viewer.list_rows(visit.reader, state.choice, state.page)
        except Unavailable as error:
            problem = f"{error.message}: try fewer rows, by a filter, or another order"
    pages = math.ceil(found.total / viewer.PAGE_SIZE) if found else 0
    return visit.html(
        "table.html",
        400 if state.problems else 503 if problem else 200,
        title=view.title,
        view=view,
        state=state,
        found=found,
        problem=problem,
        counted=COUNTED,
        pages=pages,
        size=viewer.PAGE_SIZE,
    )


async def export(visit: Visit) -> Stream:
    """The rows of all pages, with the columns that are shown."""
    view = viewer.find_view(visit.names["name"])
    state = read_state(view, visit.query)
    headers = (
        (b"content-type", b"text/csv; charset=utf-8; header=present"),
        (b"content-disposition", f'attachment; filename="{view.name}.csv"'.encode()),
        (b"cache-control", CACHE_CONTROL["never"]),
        (b"vary", b"Cookie"),
        POLICY,
    )
    return Stream(headers, _csv(visit.reader, state.choice, state))


async def _csv(reader: Database, choice: Choice, state: State) -> AsyncIterator[bytes]:
    names = [column.name for column in state.shown]
    head = csv_page([names])
    async for rows in viewer.export(reader, choice, names):
        yield head + csv_page([[_cell(value) for value in row] for row in rows])
        head = b""
    if head:  # no row at all
        yield head


def _cell(value: Any) -> object:
    return encode(value).decode() if isinstance(value, msgspec.Struct | list) else value


PAGES: Final = (
    AdminPage(
        method="GET",
        path="/admin/tables/{name}",
        summary="A table: sort, filter, choose columns, edit",
        show=show_table,
        example={"name": "models"},
    ),
    AdminPage(
        method="GET",
        path="/admin/export/{name}",
        summary="The rows that the filters leave, as CSV",
        show=export,
        example={"name": "models"},
    ),
)
