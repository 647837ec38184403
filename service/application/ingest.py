"""Writing batches, as a part of a run or as a run of their own."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Awaitable, Callable

import msgspec

from service.application.answers import written
from service.application.ready import ready
from service.application.runs import new_id
from service.domain.answers import Answer
from service.domain.batches import Batch, BatchResult
from service.domain.faults import refusal
from service.errors import Conflict, InvalidRequest, NotFound, ServiceError
from service.interpreter import at_once
from service.storage import ingest as stored
from service.storage import runs
from service.storage.database import Database, Statement
from service.storage.writing import Author, Once, claimed

# Makes a batch ready to be written; raises `InvalidRequest` with every fault.
Making = Callable[[], Awaitable[stored.Documents]]


async def apply(
    db: Database,
    batch: Batch,
    *,
    actor: str,
    now: datetime.datetime,
    run_id: str | None = None,
    source: str | None = None,
) -> BatchResult:
    """Write a batch, all or nothing, holding no prices. Sent twice it changes nothing then.

    It is a part of an open run, or a run of its own. Raises as `push` does.
    """
    author = Author(actor, now, run_id)
    if run_id is None:
        return (await ingest(db, batch, author=author, source=source)).data
    return (await push(db, run_id, batch, author=author)).data


async def push(
    writer: Database,
    id: str,
    batch: Batch | Making,
    *,
    author: Author,
    once: Once | None = None,
    factor: int | None = None,
) -> Answer[BatchResult]:
    """Write a batch of run `id`, all or nothing. What it was refused for is kept with the run.

    `factor` holds prices that differ by more from the current one. Raises `InvalidRequest` with
    every fault of the rows, `Conflict` where rows break a constraint, the run is closed or the key
    was used for another batch, `NotFound` without such a run.
    """
    author = author._replace(run_id=id)
    try:
        return await _write(writer, batch, author, once, factor)
    except (InvalidRequest, Conflict) as error:
        with contextlib.suppress(ServiceError):
            await runs.add_error(writer, author, _told(error, author))
        raise


async def ingest(
    writer: Database,
    batch: Batch | Making,
    *,
    author: Author,
    once: Once | None = None,
    factor: int | None = None,
    source: str | None = None,
) -> Answer[BatchResult]:
    """Open a run, write a batch and close it, in one transaction; a refused one is a failed run.

    Raises as `push` does.
    """
    author = author._replace(run_id=new_id())
    opening = runs.opening(author, source)
    try:
        return await _write(
            writer, batch, author, once, factor, (opening,), (runs.closing(author, "success"),)
        )
    except (InvalidRequest, Conflict) as error:
        with contextlib.suppress(ServiceError):
            failed = author._replace(run_id=new_id())
            await runs.open_run(writer, failed, source, None)
            await runs.close_run(writer, failed, "failed", (_told(error, author),))
        raise


async def _write(
    writer: Database,
    batch: Batch | Making,
    author: Author,
    once: Once | None,
    factor: int | None,
    before: tuple[Statement, ...] = (),
    after: tuple[Statement, ...] = (),
) -> Answer[BatchResult]:
    # A batch that is here already came from a command, which has no readers.
    documents = at_once(ready(batch)) if isinstance(batch, Batch) else await batch()
    try:
        done = await stored.push(
            writer,
            author,
            documents,
            batch=new_id(),
            once=once,
            factor=factor,
            before=before,
            after=after,
        )
    except Conflict as error:
        names = error.details.get("names") if isinstance(error.details, dict) else None
        if names == ["pipeline_batches.run_id"]:
            raise await _not_open(writer, author) from None
        try:
            first = await claimed(writer, once, author, error)
        except Conflict as other:
            if other is error:
                raise await _explained(writer, documents, error) from None
            raise
        done = await stored.pushed(writer, first)
    return written(done.result, done.result.revision, done.pushed_at)


async def _not_open(writer: Database, author: Author) -> ServiceError:
    run, _ = await runs.get(writer, author.run_id or "")
    if run is None:
        return NotFound(f"there is no run {author.run_id}: open one first")
    return Conflict(f"run {run.id} was closed as {run.status} at {run.completed_at}: open another")


async def _explained(writer: Database, documents: stored.Documents, error: Conflict) -> Conflict:
    """A broken constraint by the rows that broke it, where that can be told."""
    kind = error.details.get("constraint") if isinstance(error.details, dict) else None
    if kind == "foreign_key" and (faults := await stored.orphans(writer, documents)):
        refused = refusal(faults)
        return Conflict(refused.message, refused.details)
    return error


def _told(error: ServiceError, author: Author) -> dict[str, object]:
    """An error as a run keeps it."""
    told: dict[str, object] = {"at": author.moment, "code": error.code, "message": error.message}
    if error.details is not None:
        told["details"] = msgspec.to_builtins(error.details)
    return told
