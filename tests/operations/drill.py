"""The restore drill: fill, edit, delete by mistake, restore to the moment before, compare.

`make drill` runs it on every engine with the real catalogue and prints how long each step took; the
tests run it with theirs. It does what an operator would do, by the same commands.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from service.operations.portable import compare, examine
from tests.databases import writing
from tests.engines import NAMES, Engine, Server, start
from tests.operations.conftest import command, done, place, shipped
from tests.operations.serving import served
from tests.storage.test_database import sql

STEPS = ("fill", "edit", "back up and prove", "restore and compare", "restore elsewhere")
EDITS = (
    "UPDATE models SET family = 'edited' WHERE context_window > 100000",
    "UPDATE pricing SET input_price_per_million = input_price_per_million + 1 WHERE state = 'paid'",
    "UPDATE benchmarks SET deleted_at = '2026-11-24T00:00:00.000Z' WHERE score < 0",
)
MISTAKES = ("DELETE FROM pricing", "DELETE FROM models WHERE deprecated = 0")


class Times(dict[str, float]):
    """Seconds by step."""

    @contextlib.contextmanager
    def of(self, step: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self[step] = time.monotonic() - began


async def run(engine: Engine, folder: Path, elsewhere: Engine, *, seed: bool) -> tuple[Times, int]:
    """The drill on one database, which has a catalogue unless it is to be seeded.

    Asserts that every table is as it was. Gives the seconds of each step, and the number of rows.
    """
    times, settings = Times(), {"BACKUP_TO": str(folder / "kept")}
    with times.of("fill"):
        if seed:
            done(command(engine, "migrate", "up"))
            done(command(engine, "seed"))
    async with _kept_safe(engine, folder, settings):
        with times.of("edit"):
            await write(engine, *EDITS)
        before = await examine(place(engine))
        with times.of("back up and prove"):
            done(command(engine, "backup", "now", **settings))
        if engine.name == "sqlite":
            await shipped(engine, settings)
        moment = datetime.datetime.now(datetime.UTC).isoformat()
        await asyncio.sleep(0.1)
        await write(engine, *MISTAKES)
        assert (await examine(place(engine))).rows["pricing"] == 0
    at = ("--at", moment)
    with times.of("restore and compare"):
        said = done(command(engine, "backup", "restore", *at, "--force", **settings))
    assert ("Litestream" in said) is (engine.name == "sqlite")
    await compare(before, place(engine))
    with times.of("restore elsewhere"):
        to = ("--to", elsewhere.writer_url)
        done(command(engine, "backup", "restore", *at, *to, **settings))
    await compare(before, place(elsewhere))
    done(command(engine, "doctor", "--rebuild"))
    return times, sum(before.rows.values())


@contextlib.asynccontextmanager
async def _kept_safe(engine: Engine, folder: Path, settings: dict[str, str]) -> AsyncIterator[None]:
    """On a SQLite file, a service that has Litestream follow it."""
    if engine.name != "sqlite":
        yield
        return
    more = {"DATABASE_URL": engine.writer_url, "BACKUP_HOURS": "1000", **settings}
    with served(folder / "log", "--with-backup", **more):
        yield


async def write(engine: Engine, *statements: str) -> None:
    """As somebody would by hand."""
    async with writing(engine) as database:
        for statement in statements:
            await database.batch(sql(statement))


def main() -> None:
    """The drill on every engine, as a table."""
    table = Table("engine", "rows", *STEPS, box=None, pad_edge=False)
    root = Path(tempfile.mkdtemp(prefix="aicompare-drill-"))
    root.chmod(0o755)
    servers: dict[str, Server] = {}
    try:
        for name in NAMES:
            (root / name).mkdir()
            servers[name] = start(name, root / name)
        for name in NAMES:
            (root / f"{name}-kept").mkdir()
            other = servers["sqlite" if name == "postgres" else "postgres"].new()
            engine = servers[name].new()
            times, rows = asyncio.run(run(engine, root / f"{name}-kept", other, seed=True))
            table.add_row(name, f"{rows:,}", *(f"{times[step]:.1f} s" for step in STEPS))
    finally:
        for server in servers.values():
            server.close()
        shutil.rmtree(root, ignore_errors=True)
    Console(highlight=False, width=120).print(table)
    print("every table equal by digest to the moment before, in place and elsewhere")


if __name__ == "__main__":
    main()
