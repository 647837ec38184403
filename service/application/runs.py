"""Pipeline runs: open, close, look at."""

from __future__ import annotations

import datetime
import secrets
from typing import Final

import msgspec

from service.application.answers import one, page, written
from service.domain.answers import Answer
from service.domain.runs import NewRun, Run, RunDetail, RunEnd, RunQuery
from service.errors import Conflict, NotFound, PayloadTooLarge
from service.storage import runs as stored
from service.storage.database import Database
from service.storage.writing import Author, Once, claimed

# Bytes of what a run is closed with: a list of runs has all of it.
_MOST_ERRORS: Final = 100_000


def new_id() -> str:
    """An id for a run or a batch: 128 random bits."""
    return secrets.token_hex(16)


async def open_run(
    writer: Database, body: NewRun, *, author: Author, once: Once | None = None, abandoned: float
) -> Answer[Run]:
    """Open a run; runs that nothing came from for `abandoned` seconds are closed on the way."""
    await close_abandoned(writer, author.now, abandoned)
    author = author._replace(run_id=new_id())
    try:
        revision, run = await stored.open_run(writer, author, body.source, once)
    except Conflict as error:
        id = await claimed(writer, once, author, error)
        found, snapshot = await stored.get(writer, id)
        if found is None:
            raise
        revision, run = snapshot.revision, _as_opened(found)
    return written(run, revision, run.started_at)


def _as_opened(run: Run) -> Run:
    """The run as it was answered when it was opened, whatever became of it."""
    fields = {name: getattr(run, name) for name in Run.__struct_fields__}
    fields |= {"status": "running", "completed_at": None}
    fields |= {"models_updated": 0, "counts": {}, "errors": []}
    return Run(**fields)


async def complete_run(
    writer: Database, id: str, body: RunEnd, *, author: Author
) -> Answer[RunDetail]:
    """Close a run. Closed again in the same way it stays as it is.

    Raises `NotFound`, `Conflict` for a run that was closed in another way, and `PayloadTooLarge`.
    """
    size = len(msgspec.json.encode(body.errors))
    if size > _MOST_ERRORS:
        raise PayloadTooLarge(
            f"errors have {size} bytes: {_MOST_ERRORS} are kept at most, sum them up"
        )
    author = author._replace(run_id=id)
    revision, run = await stored.close_run(writer, author, body.status, body.errors)
    if run is None:
        raise NotFound(f"there is no run {id}")
    if run.status != body.status:
        raise Conflict(f"run {id} was closed as {run.status} at {run.completed_at}")
    return written(run, revision, run.completed_at)


async def list_runs(reader: Database, query: RunQuery) -> Answer[list[Run]]:
    """A page of runs, the newest first."""
    found = await stored.page(reader, query)
    return page(
        found.runs, found.snapshot, total=found.total, page=query.page, page_size=query.page_size
    )


async def get_run(reader: Database, id: str) -> Answer[RunDetail]:
    """One run with what it left alone. Raises `NotFound`."""
    run, snapshot = await stored.get(reader, id)
    if run is None:
        raise NotFound(f"there is no run {id}")
    return one(run, snapshot)


async def get_span(reader: Database, id: str) -> tuple[int, int] | None:
    """Revisions after the first and up to the second hold what a run's batches changed."""
    return await stored.span(reader, id)


async def close_abandoned(writer: Database, now: datetime.datetime, after: float) -> int:
    """Close as failed the runs of dead pipelines; how many. Writes only where there are any."""
    if await stored.any_abandoned(writer, now, after):
        return await stored.close_abandoned(writer, now, after)
    return 0
