"""One row at a time: its fields edited, locked and unlocked, the row deleted and restored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from service.application import changes, edits, held, locks, undo, viewer
from service.domain.answers import Answer
from service.domain.changes import Table
from service.domain.edits import EDITS
from service.domain.viewer import VIEWS, Column, View
from service.errors import Conflict, InvalidRequest, NotFound, PreconditionFailed, ServiceError
from service.http.admin.cells import body_of, columns_of, typed
from service.http.admin.page import AdminPage, Visit
from service.http.admin.state import read_state
from service.http.decoding import decode
from service.http.params import check_id, split
from service.http.reply import Reply

# Edits of other fields of a row that one edit gets past.
_TRIES: Final = 5


class Editing(NamedTuple):
    """A field that is being edited: what was typed, over what, and what is wrong with it."""

    name: str
    text: str
    was: str
    problem: str | None = None
    # Where somebody else has changed it meanwhile: who, when, and to what.
    theirs: tuple[str, str, str] | None = None


class _Row(NamedTuple):
    view: View
    table: Table
    key: str


async def show_row(visit: Visit) -> Reply:
    """The row as it is."""
    found = _row(visit.query)
    return await _answer(visit, found, focus=visit.query.get("field"))


async def edit(visit: Visit) -> Reply:
    """The row with one of its fields to type in."""
    found = _row(visit.query)
    column = _column(found, visit.query)
    row, _ = await viewer.get_row(visit.reader, found.view, found.key)
    text = typed(column, row.values[column.name])
    draft = visit.query.get("draft", text)
    return await _answer(visit, found, Editing(column.name, draft, text))


async def save(visit: Visit) -> Reply:
    """Set the field, if nobody else has meanwhile; lock it."""
    found = _row(visit.form)
    column = _column(found, visit.form)
    text, was = visit.form.get("value", "").strip(), visit.form.get("was", "")
    version = _number(visit.form, "version")
    if text == was:
        return await _answer(visit, found, focus=column.name)
    editing = Editing(column.name, text, was)
    try:
        body = decode(body_of(column, text), EDITS[found.table].part)
        for _ in range(_TRIES):
            try:
                answer = await edits.patch(
                    visit.service.writer,
                    found.table,
                    found.key,
                    body,
                    author=visit.author,
                    version=version,
                )
                break
            except PreconditionFailed:
                row, version = await viewer.get_row(visit.reader, found.view, found.key)
                now = typed(column, row.values[column.name])
                if now not in (was, text):  # a form that was sent twice has no conflict with itself
                    theirs = await _who(visit, found, now)
                    return await _answer(visit, found, editing._replace(was=now, theirs=theirs))
        else:
            raise Conflict("the row changes all the time: try again")
    except (InvalidRequest, Conflict, NotFound) as error:
        return await _answer(visit, found, editing._replace(problem=error.message))
    await _wrote(visit, answer)
    return await _answer(visit, found, focus=column.name)


async def _who(visit: Visit, found: _Row, now: str) -> tuple[str, str, str]:
    change = await changes.last_change(visit.reader, found.table, found.key)
    assert change is not None, "a row that changed has a change"
    return change.actor, change.changed_at[:19].replace("T", " "), now


async def lock(visit: Visit) -> Reply:
    """Keep a field from ingest, as it is."""
    return await _lock(visit, locks.put_lock)


async def unlock(visit: Visit) -> Reply:
    """Leave a field to ingest again."""
    return await _lock(visit, locks.delete_lock)


async def _lock(visit: Visit, act: Any) -> Reply:
    found = _row(visit.form)
    column = _column(found, visit.form)
    writer, author = visit.service.writer, visit.author
    try:
        answer = await act(writer, found.table, found.key, column.name, author=author)
    except NotFound as error:  # somebody else was faster
        return await _answer(visit, found, message=error.message)
    await _wrote(visit, answer)
    return await _answer(visit, found, focus=column.name)


async def delete(visit: Visit) -> Reply:
    """Take the row out of sight."""
    return await _keep(visit, edits.delete)


async def restore(visit: Visit) -> Reply:
    """Bring the row back."""
    return await _keep(visit, edits.restore)


async def _keep(visit: Visit, act: Any) -> Reply:
    found = _row(visit.form)
    version, author = _number(visit.form, "version"), visit.author
    try:
        answer = await act(
            visit.service.writer, found.table, found.key, author=author, version=version
        )
    except (PreconditionFailed, NotFound) as error:
        message = error.message
        if isinstance(error, PreconditionFailed):
            message = "The row has changed meanwhile: this is how it is now."
        return await _answer(visit, found, message=message, focus="")
    await _wrote(visit, answer)
    return await _answer(visit, found, focus="")


async def decide(visit: Visit) -> Reply:
    """Accept or reject a held price."""
    key = visit.form.get("id", "")
    act = {"accept": held.accept, "reject": held.reject}.get(visit.form.get("decision", ""))
    if act is None:
        raise InvalidRequest("decision is accept or reject")
    message = None
    try:
        await _wrote(visit, await act(visit.service.writer, key, author=visit.author))
    except (Conflict, NotFound) as error:
        message = error.message
    return await _show(visit, VIEWS["held"], key, message=message, focus="")


async def take_back(visit: Visit) -> Reply:
    """Undo a change."""
    revision = _number(visit.form, "id")
    confirmed = visit.form.get("confirmed") == "true"
    message, again = None, False
    try:
        answer = await undo.undo(
            visit.service.writer, revision, author=visit.author, confirmed=confirmed
        )
    except PreconditionFailed:
        message, again = "The row has changed since.", True
    except ServiceError as error:
        if error.code in ("internal", "unavailable"):
            raise
        message = error.message
    else:
        await _wrote(visit, answer)
        message = f"Undone: revision {answer.meta.revision}."
    return await _show(
        visit, VIEWS["changes"], str(revision), message=message, again=again, focus=""
    )


async def _wrote(visit: Visit, answer: Answer[Any]) -> None:
    """Renew what the cache has of what a write has changed."""
    if answer.meta.revision is not None:
        await visit.service.watch.wrote(visit.service.writer, answer.meta.revision)


async def _answer(visit: Visit, found: _Row, editing: Editing | None = None, **more: Any) -> Reply:
    return await _show(visit, found.view, found.key, editing=editing, **more)


async def _show(
    visit: Visit,
    view: View,
    key: str,
    *,
    editing: Editing | None = None,
    message: str | None = None,
    focus: str | None = None,
    again: bool = False,
) -> Reply:
    row, revision = await viewer.get_row(visit.reader, view, key)
    return visit.html(
        "row.html",
        view=view,
        columns=_columns(visit, view),
        row=row,
        revision=revision,
        editing=editing,
        message=message,
        focus=focus,
        again=again,
    )


def _columns(visit: Visit, view: View) -> list[Column]:
    """The columns that are shown on the page where the row is."""
    place = urlsplit(visit.place)
    if place.path != f"/admin/tables/{view.name}":
        return columns_of(view)
    return read_state(view, dict(split(place.query.encode()))).shown


def _row(given: Mapping[str, str]) -> _Row:
    view = viewer.find_view(given.get("table", ""))
    if view.table is None:
        raise InvalidRequest(f"{view.title} are not edited by hand")
    check_id(given.get("id", ""))
    return _Row(view, view.table, given.get("id", ""))


def _column(found: _Row, given: Mapping[str, str]) -> Column:
    column = found.view.by_name.get(given.get("field", ""))
    if column is None or not column.editable:
        raise InvalidRequest(f"there is no such field to edit in {found.view.name}")
    return column


def _number(given: Mapping[str, str], name: str) -> int:
    text = given.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise InvalidRequest(f"{name} must be a whole number")
    return int(text)


PAGES: Final = (
    AdminPage(method="GET", path="/admin/row", summary="A row", show=show_row),
    AdminPage(method="GET", path="/admin/edit", summary="A field to type in", show=edit),
    AdminPage(method="POST", path="/admin/edit", summary="Set a field", show=save),
    AdminPage(method="POST", path="/admin/lock", summary="Lock a field", show=lock),
    AdminPage(method="POST", path="/admin/unlock", summary="Unlock a field", show=unlock),
    AdminPage(method="POST", path="/admin/delete", summary="Delete a row", show=delete),
    AdminPage(method="POST", path="/admin/restore", summary="Restore a row", show=restore),
    AdminPage(method="POST", path="/admin/held", summary="Decide on a held price", show=decide),
    AdminPage(method="POST", path="/admin/undo", summary="Undo a change", show=take_back),
)
