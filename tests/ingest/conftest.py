"""The command in this process, on a database with the schema."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import pytest

from service import cli
from service.storage.database import Database, Statement
from tests.databases import template, writing
from tests.engines import Engine, Server

T = TypeVar("T")

Counts = dict[str, dict[str, int]]


class Said(NamedTuple):
    """How a command ended."""

    code: Any
    out: str
    err: str

    @property
    def counts(self) -> Counts:
        """The numbers of its last table, without those that are 0."""
        lines = self.out.splitlines()
        start = max(i for i, line in enumerate(lines) if line.startswith("table "))
        outcomes = lines[start].split()[1:]
        found = {}
        for line in lines[start + 1 : start + 5]:
            table, *numbers = line.split()
            values = zip(outcomes, numbers, strict=True)
            found[table] = {o: int(n.replace(",", "")) for o, n in values if n != "0"}
        return found


Run = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`aicompare` with these arguments."""

    def run(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["aicompare", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return Said(ended.value.code or 0, out, err)

    return run


class Here:
    """A database, and `aicompare ingest` into it."""

    def __init__(self, engine: Engine, run: Run) -> None:
        self.engine = engine
        self._run = run

    def ingest(self, *arguments: str, code: int = 0) -> Said:
        where = ["--database-url", self.engine.writer_url]
        if self.engine.writer_token:
            where += ["--database-token", self.engine.writer_token]
        said = self._run("ingest", *arguments, *where)
        assert said.code == code, said
        return said

    def work(self, work: Callable[[Database], Awaitable[T]]) -> T:
        """Do something with the database."""

        async def do() -> T:
            async with writing(self.engine) as db:
                return await work(db)

        return asyncio.run(do())

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        async def read(db: Database) -> list[Any]:
            [rows] = await db.fetch(Statement("test", sql))
            return list(rows)

        return self.work(read)


@pytest.fixture
def here(written: Server, run: Run) -> Iterator[Here]:
    """On each engine in turn."""
    yield from made(written, run)


@pytest.fixture
def sqlite(servers: Callable[[str], Server], run: Run) -> Iterator[Here]:
    yield from made(servers("sqlite"), run)


def made(server: Server, run: Run) -> Iterator[Here]:
    engine = server.copy(asyncio.run(template(server, "empty")))
    yield Here(engine, run)
    server.drop(engine)


def run_of(said: Said) -> str:
    """The id of the run that a command told of."""
    found = re.search(r"^run ([0-9a-f]{32})$", said.out, re.M)
    assert found, said
    return found[1]
