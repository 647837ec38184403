"""Reviewing held prices."""

from __future__ import annotations

from service.application.answers import page, written
from service.domain.answers import Answer
from service.domain.held import HeldPrice, HeldQuery
from service.errors import Conflict, NotFound
from service.storage import held as stored
from service.storage.database import Database
from service.storage.writing import Author


async def list_held(reader: Database, query: HeldQuery) -> Answer[list[HeldPrice]]:
    """A page of held prices, the oldest first."""
    found = await stored.page(reader, query)
    return page(
        found.held, found.snapshot, total=found.total, page=query.page, page_size=query.page_size
    )


async def accept(writer: Database, id: str, *, author: Author) -> Answer[HeldPrice]:
    """Write a held price, in the author's name. Raises `NotFound`, and `Conflict` once it
    was decided or while its model is deleted.
    """
    return await _decide(writer, id, author, accepted=True)


async def reject(writer: Database, id: str, *, author: Author) -> Answer[HeldPrice]:
    """Keep a held price, and the same proposed again, from being written. Raises as `accept`."""
    return await _decide(writer, id, author, accepted=False)


async def _decide(
    writer: Database, id: str, author: Author, *, accepted: bool
) -> Answer[HeldPrice]:
    number = int(id) if id.isascii() and id.isdecimal() and len(id) < 19 else 0
    decide = stored.accept if accepted else stored.reject
    try:
        revision, held = await decide(writer, number, author)
    except Conflict:
        found = await stored.get(writer, number)
        if found is None:
            raise
        if found.status == "pending":
            model = found.model_id
            raise Conflict(
                f"{model} or its provider was deleted: restore it first, or reject the price"
            ) from None
        raise Conflict(
            f"held price {id} was {found.status} by {found.decided_by} at {found.decided_at}"
        ) from None
    if held is None:
        raise NotFound(f"there is no held price {id}")
    return written(held, revision, author.moment)
