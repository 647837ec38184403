"""Where a catalogue goes: a database of this process, or a primary over HTTP."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any, ClassVar, Final, Protocol

import msgspec

from service.application import ingest, runs
from service.commands.primary import Primary, Refused, key_of
from service.domain.batches import BatchResult
from service.domain.benchmarks import Score
from service.domain.changes import Table
from service.domain.locks import Lock
from service.domain.models import Model
from service.domain.pricing import Price
from service.domain.providers import Provider
from service.domain.runs import NewRun, RunEnd
from service.domain.stored import ROWS, Stored, StoredRow
from service.errors import ServiceError
from service.sources.chunks import Chunk
from service.sources.tables import read_lines, struct_of
from service.storage.database import Database
from service.storage.stored import everything, member_of, row_values
from service.storage.writing import Author

_KINDS: Final[dict[Table, type[msgspec.Struct]]] = {
    "providers": Provider,
    "models": Model,
    "pricing": Price,
    "benchmarks": Score,
}
_PAGE: Final = 500


class Destination(Protocol):
    """Takes one run: `stored` may come before it, then `open`, `push` as often, `close`."""

    # Whether the same run can be taken up again by a later process.
    resumes: ClassVar[bool]

    async def stored(self) -> Stored:
        """Everything that is stored there, as far as it can be seen."""
        ...

    async def open(self, source: str, content: str) -> str:
        """Open a run and give its id; `content` stands for what will be pushed."""
        ...

    async def push(self, chunk: Chunk) -> BatchResult:
        """Write a batch of the run, all or nothing."""
        ...

    async def close(self, error: str | None = None) -> None:
        """Close the run, as failed where there is an error."""
        ...


class Local:
    """A database of this process. A run that breaks off is begun anew: rows are upserts."""

    resumes: ClassVar[bool] = False

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime.datetime],
        factor: int | None,
        abandoned: float,
    ) -> None:
        self._database = database
        self._clock = clock
        self._factor = factor
        self._abandoned = abandoned
        self._run = ""

    async def stored(self) -> Stored:
        return await everything(self._database)

    async def open(self, source: str, content: str) -> str:
        body = NewRun(source=source)
        answer = await runs.open_run(
            self._database, body, author=self._author(), abandoned=self._abandoned
        )
        self._run = answer.data.id
        return self._run

    async def push(self, chunk: Chunk) -> BatchResult:
        answer = await ingest.push(
            self._database, self._run, chunk.batch, author=self._author(), factor=self._factor
        )
        return answer.data

    async def close(self, error: str | None = None) -> None:
        await runs.complete_run(self._database, self._run, _end(error), author=self._author())

    def _author(self) -> Author:
        return Author("ingest", self._clock())


class Remote:
    """A primary over HTTP. It knows which of its locks are seen only with a token."""

    resumes: ClassVar[bool] = True

    def __init__(self, primary: Primary, *, day: datetime.date) -> None:
        self._primary = primary
        self._day = day
        self._run = ""

    async def stored(self) -> Stored:
        """As the exports have it: what was deleted by hand is not to be seen there."""
        locks = await self._locks() if self._primary.token else {}
        stored = Stored()
        for table, kind in _KINDS.items():
            every = "?deprecated=any" if table == "models" else ""
            content = await self._primary.read(f"/v1/export/{table}.csv{every}")
            _, lines = read_lines(content.decode())
            for line in lines:
                row: Any = struct_of(kind, line.cells)
                values = row_values(ROWS[table], row)
                stored.put(table, StoredRow(values, frozenset(locks.get((table, str(row.id)), ()))))
        return stored

    async def open(self, source: str, content: str) -> str:
        """Open a run, or take up the one that was opened for the same content on the same day.

        The key is made of both, so the service itself remembers the run, and nothing needs to be
        kept here. A run that was closed since is told by its id, which leads to another key.
        """
        key = key_of(source, self._day.isoformat(), content)
        body = msgspec.json.encode(NewRun(source=source))
        while True:
            opened = await self._primary.post("/v1/pipeline/runs", body, key)
            self._run = opened["id"]
            if await self._is_open():
                return self._run
            key = key_of(key, self._run)

    async def push(self, chunk: Chunk) -> BatchResult:
        key = key_of(self._run, chunk.body)
        path = f"/v1/pipeline/runs/{self._run}/batches"
        return msgspec.convert(await self._primary.post(path, chunk.body, key), BatchResult)

    async def close(self, error: str | None = None) -> None:
        body = msgspec.json.encode(_end(error))
        await self._primary.post(f"/v1/pipeline/runs/{self._run}/complete", body)

    async def _is_open(self) -> bool:
        try:
            run = await self._primary.get(f"/v1/pipeline/runs/{self._run}")
        except Refused as error:
            if error.status != 404:
                raise
            return True  # so new that a replica, which was asked, has not heard of it
        return bool(run["status"] == "running")

    async def _locks(self) -> dict[tuple[str, str], set[str]]:
        found: dict[tuple[str, str], set[str]] = {}
        page = 1
        while True:
            path = f"/v1/locks?pageSize={_PAGE}&page={page}"
            locks = msgspec.convert(await self._primary.get(path), list[Lock])
            for lock in locks:
                members = found.setdefault((lock.table, lock.id), set())
                members.add(member_of(lock.table, lock.field))
            if len(locks) < _PAGE:
                return found
            page += 1


def _end(error: str | None) -> RunEnd:
    return RunEnd(status="failed", errors=(error,)) if error else RunEnd()


def told(error: BaseException) -> str:
    """An error as a run keeps it."""
    return error.message if isinstance(error, ServiceError) else type(error).__name__
