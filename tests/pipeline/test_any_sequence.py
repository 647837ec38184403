"""Whatever is done in whatever order, the tables are what a simple model of them says.

The same sequences show that the change log, replayed from nothing, gives the tables.
"""

from __future__ import annotations

import asyncio
import datetime
import json
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.application import edits, ingest, locks
from service.domain.batches import Batch
from service.domain.benchmarks import ScoreRow
from service.domain.edits import EDITS
from service.domain.models import ModelRow
from service.domain.pricing import PriceRow
from service.domain.providers import ProviderRow
from service.errors import Conflict, NotFound
from service.http.decoding import decode
from service.storage.database import Database
from service.storage.writing import Author, Once
from tests.databases import copied, writing
from tests.engines import Server
from tests.pipeline.conftest import rows

START = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
TABLES = ("providers", "models", "pricing", "benchmarks")
# What the sequences set: few values, so that they meet.
FIELDS = {
    "providers": ("name", "website"),
    "models": ("name", "family", "contextWindow"),
    "pricing": ("inputPrice", "outputPrice"),
    "benchmarks": ("score", "unit"),
}
VALUES: dict[str, list[Any]] = {
    "name": ["Ä", "b", "c"],
    "website": [None, "https://a.example", "https://b.example"],
    "family": [None, "f", "g"],
    "contextWindow": [None, 1, 2],
    "inputPrice": [None, Decimal(1), Decimal("1.5")],
    "outputPrice": [None, Decimal(2), Decimal("0.000000001")],
    "score": [Decimal(1), Decimal("2.5")],
    "unit": [None, "elo"],
}
REQUIRED = {"name", "score"}
KEYS: dict[str, list[Any]] = {
    "providers": ["p", "q"],
    "models": [("p", "m"), ("p", "n"), ("q", "m")],
    "pricing": [("p/m", "2026-01-01"), ("p/m", "2026-02-01"), ("q/m", "2026-01-01")],
    "benchmarks": [("p/m", "elo"), ("q/m", "elo")],
}
Values = dict[str, Any]


def values_of(table: str, *, whole: bool) -> st.SearchStrategy[Values]:
    """Some or all of the fields of a table, with values."""
    required = {f: st.sampled_from(VALUES[f]) for f in FIELDS[table] if f in REQUIRED and whole}
    optional = {f: st.sampled_from(VALUES[f]) for f in FIELDS[table] if f not in required}
    return st.fixed_dictionaries(required, optional=optional)


def row_of(table: str) -> st.SearchStrategy[tuple[Any, Values]]:
    return st.tuples(st.sampled_from(KEYS[table]), values_of(table, whole=True))


def batches() -> st.SearchStrategy[dict[str, dict[Any, Values]]]:
    return st.fixed_dictionaries({t: st.lists(row_of(t), max_size=3).map(dict) for t in TABLES})


def at_a_row(*more: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([(t, k) for t in TABLES for k in KEYS[t]])


def edit_of(place: tuple[str, Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.just("patch"), st.just(place), values_of(place[0], whole=False))


def lock_of(place: tuple[str, Any]) -> st.SearchStrategy[Any]:
    verbs = st.sampled_from(["lock", "unlock"])
    return st.tuples(verbs, st.just(place), st.sampled_from(FIELDS[place[0]]))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("batch"), batches()),
        st.tuples(st.just("batch"), batches()),
        st.tuples(st.just("repeat")),
        at_a_row().flatmap(edit_of),
        at_a_row().flatmap(lock_of),
        st.tuples(st.sampled_from(["delete", "restore"]), at_a_row()),
    ),
    min_size=3,
    max_size=12,
)


class Simple:
    """The tables as dictionaries, and the rules in the fewest words."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[Any, Values]] = {table: {} for table in TABLES}
        self.deleted: set[tuple[str, Any]] = set()
        self.locks: set[tuple[str, Any, str]] = set()

    def batch(self, batch: dict[str, dict[Any, Values]]) -> bool:
        if not self.complete(batch):
            return False
        for table, new in batch.items():
            for key, values in new.items():
                if self.buried(table, key):
                    continue
                if key not in self.rows[table]:
                    self.rows[table][key] = dict.fromkeys(FIELDS[table]) | values
                elif (table, key) not in self.deleted:
                    free = {f: v for f, v in values.items() if (table, key, f) not in self.locks}
                    self.rows[table][key] |= free
        return True

    def complete(self, batch: dict[str, dict[Any, Values]]) -> bool:
        """Whether all that rows belong to is there or comes along."""
        providers = {*self.rows["providers"], *batch["providers"]}
        models = {f"{p}/{m}" for p, m in (*self.rows["models"], *batch["models"])}
        return all(p in providers for p, _ in batch["models"]) and all(
            model in models or self.buried(t, (model, ""))
            for t in ("pricing", "benchmarks")
            for model, _ in batch[t]
        )

    def buried(self, table: str, key: Any) -> bool:
        """Whether what a row belongs to is deleted."""
        if table == "providers":
            return False
        provider, _, model = key[0].partition("/")
        return bool(self.deleted & {("providers", provider), ("models", (provider, model))})

    def patch(self, table: str, key: Any, values: Values) -> bool:
        if key not in self.rows[table] or (table, key) in self.deleted:
            return False
        self.rows[table][key] |= values
        self.locks |= {(table, key, field) for field in values}
        return True


def encoded(batch: dict[str, dict[Any, Values]]) -> Batch:
    def snake(values: Values) -> Values:
        return {
            "".join("_" + c.lower() if c.isupper() else c for c in f): v for f, v in values.items()
        }

    return Batch(
        providers=tuple(ProviderRow(id=k, **snake(v)) for k, v in batch["providers"].items()),
        models=tuple(
            ModelRow(provider_id=p, model_id=m, **snake(v)) for (p, m), v in batch["models"].items()
        ),
        pricing=tuple(
            PriceRow(model_id=m, effective_date=datetime.date.fromisoformat(d), **snake(v))
            for (m, d), v in batch["pricing"].items()
        ),
        benchmarks=tuple(
            ScoreRow(model_id=m, benchmark_name=n, **snake(v))
            for (m, n), v in batch["benchmarks"].items()
        ),
    )


class Real:
    """The same done for real."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.author = Author("test", START)
        self.last: tuple[Batch, Once, Any] | None = None
        self.number = 0

    def later(self) -> Author:
        self.number += 1
        return self.author._replace(now=START + datetime.timedelta(seconds=self.number))

    async def batch(self, batch: dict[str, dict[Any, Values]]) -> bool:
        rows, once = encoded(batch), Once(f"k{self.number}", "hash")
        try:
            answer = await ingest.ingest(
                self.db, rows, author=self.later(), once=once, factor=10_000
            )
        except Conflict:
            return False
        for table in TABLES:
            counts = getattr(answer.data, table)
            some = counts.created + counts.updated + counts.unchanged + counts.held
            assert some <= len(batch[table]) <= some + counts.locked
        self.last = rows, once, answer
        return True

    async def repeat(self) -> None:
        if self.last is not None:
            rows, once, answer = self.last
            again = await ingest.ingest(
                self.db, rows, author=self.later(), once=once, factor=10_000
            )
            assert again == answer

    async def id_of(self, table: str, key: Any) -> str:
        if table == "providers":
            return str(key)
        if table == "models":
            return "/".join(key)
        column = "effective_date" if table == "pricing" else "benchmark_name"
        sql = f"SELECT id FROM {table} WHERE model_id = :m AND {column} = :k"
        found = await rows(self.db, sql, m=key[0], k=key[1])
        return str(found[0][0]) if found else "999"

    async def edit(self, verb: str, table: Any, key: Any, what: Any) -> bool:
        id, author = await self.id_of(table, key), self.later()
        try:
            match verb:
                case "patch":
                    encoded = json.dumps(what, default=float).encode()
                    body = decode(encoded, EDITS[table].part)
                    await edits.patch(self.db, table, id, body, author=author)
                case "lock":
                    await locks.put_lock(self.db, table, id, what, author=author)
                case "unlock":
                    await locks.delete_lock(self.db, table, id, what, author=author)
                case "delete":
                    await edits.delete(self.db, table, id, author=author)
                case "restore":
                    await edits.restore(self.db, table, id, author=author)
        except NotFound:
            return False
        return True


async def tables(db: Database) -> dict[str, dict[str, Values]]:
    """All rows as columns by key, without the moment of their last change."""
    found: dict[str, dict[str, Values]] = {}
    for table in TABLES:
        # The log itself is what names the columns that are compared.
        names = {
            "providers": "id name website api_docs_url created_at deleted_at",
            "models": "id provider_id model_id name family mode context_window deprecated canonical"
            " created_at deleted_at",
            "pricing": "id model_id input_price_per_million output_price_per_million effective_date"
            " service_tier context_threshold state created_at deleted_at",
            "benchmarks": "id model_id benchmark_name score unit higher_is_better created_at"
            " deleted_at",
        }[table].split()
        selected = await rows(db, f"SELECT {', '.join(names)} FROM {table}")
        found[table] = {str(row[0]): dict(zip(names, row, strict=True)) for row in selected}
    return found


async def replayed(db: Database) -> dict[str, dict[str, Values]]:
    """The tables as the change log tells them, each step checked against the one before."""
    found: dict[str, dict[str, Values]] = {table: {} for table in TABLES}
    sql = "SELECT revision, table_name, row_id, kind, before, after FROM changes ORDER BY revision"
    for number, (revision, table, id, kind, before, after) in enumerate(await rows(db, sql)):
        assert revision == number + 1
        if kind == "price_effective":
            continue
        if id in found[table]:
            assert json.loads(before) == found[table][id]
        found[table][id] = json.loads(after)
    return found


async def check(db: Database, simple: Simple, real: Real) -> None:
    stored = await tables(db)
    log = await replayed(db)
    for table in TABLES:
        assert stored[table].keys() == log[table].keys()
        for id, row in stored[table].items():
            assert row == {name: log[table][id][name] for name in row}
        assert len(stored[table]) == len(simple.rows[table])
        for key, values in simple.rows[table].items():
            row = stored[table][await real.id_of(table, key)]
            assert (row["deleted_at"] is not None) == ((table, key) in simple.deleted)
            for field, value in values.items():
                column = {
                    "inputPrice": "input_price_per_million",
                    "outputPrice": "output_price_per_million",
                    "contextWindow": "context_window",
                }.get(field, field)
                if isinstance(value, Decimal):
                    value = int(value * 10**9)
                assert row[column] == value, (table, key, field)


async def run(db: Database, steps: list[Any]) -> None:
    simple, real = Simple(), Real(db)
    for step in steps:
        match step:
            case ("batch", batch):
                assert await real.batch(batch) == simple.batch(batch)
            case ("repeat",):
                await real.repeat()
            case ("patch", (table, key), values):
                assert await real.edit("patch", table, key, values) == simple.patch(
                    table, key, values
                )
            case ("lock", (table, key), field):
                there = key in simple.rows[table]
                assert await real.edit("lock", table, key, field) == there
                if there:
                    simple.locks.add((table, key, field))
            case ("unlock", (table, key), field):
                there = (table, key, field) in simple.locks
                assert await real.edit("unlock", table, key, field) == there
                simple.locks.discard((table, key, field))
            case ("delete", (table, key)):
                there = key in simple.rows[table] and (table, key) not in simple.deleted
                assert await real.edit("delete", table, key, None) == there
                if there:
                    simple.deleted.add((table, key))
            case ("restore", (table, key)):
                assert await real.edit("restore", table, key, None) == (key in simple.rows[table])
                simple.deleted.discard((table, key))
    await check(db, simple, real)


EMPTY = [
    *(f"DELETE FROM {table}" for table in ("held_prices", "locks", "idempotency_keys")),
    *(f"DELETE FROM {table}" for table in ("pipeline_runs", "providers", "changes")),
]


@pytest.mark.parametrize("examples", [100])
def test_any_sequence(written: Server, examples: int) -> None:
    loop = asyncio.new_event_loop()
    stack = AsyncExitStack()

    async def opened() -> Database:
        engine = await stack.enter_async_context(copied(written, "empty"))
        return await stack.enter_async_context(writing(engine))

    db = loop.run_until_complete(opened())

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(STEPS)
    def holds(steps: list[Any]) -> None:
        async def one() -> None:
            await db.script(*(sql + ";" for sql in EMPTY), _FROM_ONE[db.engine])
            await run(db, steps)

        loop.run_until_complete(one())

    try:
        holds()
    finally:
        loop.run_until_complete(stack.aclose())
        loop.close()


# Revisions begin at one again.
_RESET = "DELETE FROM sqlite_sequence WHERE name = 'changes';"
_FROM_ONE = {"sqlite": _RESET, "libsql": _RESET, "postgres": "SELECT 1;"}
