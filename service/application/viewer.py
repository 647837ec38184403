"""Looking at tables: a page of one, one row, all rows for a CSV."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from service.domain.conditions import Choice
from service.domain.viewer import VIEWS, View
from service.errors import NotFound
from service.storage import viewer as stored
from service.storage.database import Database
from service.storage.viewer import ViewPage, ViewRow

PAGE_SIZE = 50


def find_view(name: str) -> View:
    """A view by its name. Raises `NotFound`."""
    if name not in VIEWS:
        raise NotFound(f"there is no table {name}: there are {', '.join(VIEWS)}")
    return VIEWS[name]


async def list_rows(reader: Database, choice: Choice, page: int = 1) -> ViewPage:
    """A page of `PAGE_SIZE` rows."""
    return await stored.page(reader, choice, PAGE_SIZE, (page - 1) * PAGE_SIZE)


async def get_row(reader: Database, view: View, key: str) -> tuple[ViewRow, int]:
    """One row, deleted or not, and the revision at which it was read. Raises `NotFound`."""
    row, snapshot = await stored.row(reader, view, key)
    if row is None:
        raise NotFound(f"there is no row {key} in {view.name}")
    return row, snapshot.revision


async def export(
    reader: Database, choice: Choice, columns: Sequence[str]
) -> AsyncIterator[list[tuple[Any, ...]]]:
    """All rows that a choice leaves, with the columns asked for, in pieces.

    Up to 10,000 rows come in the order of the choice, more in that of their keys.
    """
    async for rows in stored.pieces(reader, choice):
        yield [tuple(row.values[name] for name in columns) for row in rows]
