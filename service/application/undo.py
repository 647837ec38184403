"""Taking a change back: as an edit by hand, which the log keeps as any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from service.application import edits
from service.domain.answers import Answer
from service.domain.changes import Change
from service.domain.edits import EDITS
from service.errors import Conflict, InvalidRequest, NotFound
from service.storage import changes as stored
from service.storage import runs
from service.storage import undo as undoing
from service.storage.database import Database
from service.storage.writing import Author

# What no one sets.
_KEPT: Final = frozenset({"id", "created_at", "updated_at"})


async def undo(
    writer: Database, revision: int, *, author: Author, confirmed: bool = False
) -> Answer[Any]:
    """Make a row what it was before a change: its fields, or whether it is there.

    What it brings back is locked, as any edit by hand. Raises `PreconditionFailed` where the row
    has changed since, unless that is `confirmed`; `NotFound`, and `InvalidRequest` for a change
    that nobody made.
    """
    change = await stored.get(writer, revision)
    if change is None:
        raise NotFound(f"there is no change {revision}")
    version = None if confirmed else revision
    table, id = change.table, change.id
    if change.kind == "price_effective":
        raise InvalidRequest(
            "a price that came into force by its date cannot be undone: correct its row instead"
        )
    if change.after is None:
        raise InvalidRequest("the row was removed from the database itself: put it in again")
    if change.kind.endswith("_deleted"):
        return await edits.restore(writer, table, id, author=author, version=version)
    # A new price has the one that it follows as `before`.
    if change.kind.endswith("_restored") or change.before is None or _is_new(change):
        return await edits.delete(writer, table, id, author=author, version=version)
    changed = [name for name, _, _ in differences(change)]
    if table == "pricing" and "state" not in changed:
        changed.append("state")  # which would follow from the figures
    kind = EDITS[table].part
    names = dict(zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True))
    before = {n: getattr(change.before, n) for n in changed if n in names}
    given = {names[n]: list(v) if isinstance(v, tuple) else v for n, v in before.items()}
    body = msgspec.convert(given, kind)
    return await edits.patch(writer, table, id, body, author=author, version=version)


def differences(change: Change) -> list[tuple[str, Any, Any]]:
    """The fields that a change made different, with their values before and after."""
    before, after = change.before, change.after
    if before is None or after is None:
        return []
    return [
        (name, old, new)
        for name in after.__struct_fields__
        if name not in _KEPT and (old := getattr(before, name)) != (new := getattr(after, name))
    ]


def _is_new(change: Change) -> bool:
    return change.before is not None and str(change.before.id) != change.id


async def undo_run(
    writer: Database, run: str, *, author: Author, force: bool = False
) -> tuple[int, Mapping[str, int]]:
    """Make all that a run changed what it was before; the revision, and rows by table.

    It is a run of its own, the author's, and can be undone as well. Raises `NotFound`, `Conflict`
    for a run that is open or changed nothing, and, with the changes by name, where later ones
    would be lost, unless `force` says to lose them.
    """
    found, _ = await runs.get(writer, run)
    if found is None:
        raise NotFound(f"there is no run {run}: see `aicompare runs list`")
    if found.status == "running":
        raise Conflict(f"run {run} is still open: close it first")
    span = await undoing.span(writer, run)
    if span.first is None:
        raise Conflict(f"run {run} changed nothing")
    if span.removed:
        raise Conflict(f"run {run} removed rows from the database itself: restore a backup")
    done = await undoing.undo(writer, run, span, author, force=force)
    if done is None:
        named = await undoing.later(writer, run, span)
        listed = "; ".join(
            f"{one.kind} of {one.row_id} by {one.actor} (revision {one.revision})" for one in named
        )
        raise Conflict(f"later changes would be lost: {listed}: `runs undo --force` loses them")
    return done
