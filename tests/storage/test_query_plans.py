"""No read looks at all rows of a big table where an index leads to those that it needs."""

from __future__ import annotations

import datetime
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from service.domain.conditions import Choice, Condition
from service.domain.queries import (
    ModelQuery,
    PriceQuery,
    ProviderQuery,
    ScoreQuery,
    SearchQuery,
)
from service.domain.viewer import VIEWS, View
from service.storage import benchmarks, models, pricing, providers, search, viewer
from service.storage.choosing import is_ordered
from service.storage.database import Database, DatabaseOptions, Row, Statement, Value
from service.storage.opening import open_database
from service.storage.tables import PRICING
from service.storage.upsert import write_rows
from tests.databases import copied
from tests.engines import Server

pytestmark = pytest.mark.anyio

DAY = datetime.date(2025, 6, 1)
SORTS: Any = (
    "name", "provider", "releaseDate", "contextWindow", "maxOutput", "inputPrice", "outputPrice",
    "updatedAt",
)  # fmt: skip
IDS = ("anthropic/claude-sonnet-4-5", "google/gemini-2.5-pro")

# Few rows by their keys: nothing is scanned, not even an index.
POINTS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "a model": lambda db: models.get(db, IDS[:1], ("pricing", "benchmarks", "history"), None),
    "a model as of a day": lambda db: models.get(db, IDS[:1], ("pricing",), DAY),
    "a comparison": lambda db: models.get(db, IDS, ("pricing", "benchmarks"), None),
    "models by id": lambda db: models.page(db, ModelQuery(ids=IDS), None),
    "models of a provider": lambda db: models.page(db, ModelQuery(provider=("google",)), None),
    "models by canonical id": lambda db: models.page(db, ModelQuery(canonical=IDS[1]), None),
    "models with a score": lambda db: models.page(
        db, ModelQuery(benchmark="arena-overall", sort=("-score",)), None
    ),
    "prices of a model": lambda db: pricing.page(db, PriceQuery(model=IDS[0])),
    "prices on a day": lambda db: pricing.page(db, PriceQuery(model=IDS[0], as_of=DAY)),
    "a ranking": lambda db: benchmarks.page(db, ScoreQuery(name="arena-overall"), None),
    "scores of a model": lambda db: benchmarks.page(db, ScoreQuery(model=IDS[0]), None),
}
# Where much may have to be looked at, an index that holds all that is needed is read instead.
INDEXED: dict[str, Callable[[Any], Awaitable[Any]]] = {
    f"{', '.join(f'{name}={value}' for name, value in asked.items())}": (
        lambda db, asked=asked: models.page(db, ModelQuery(**asked), asked.get("as_of"))
    )
    for asked in (
        *({"sort": (sort,)} for sort in SORTS),
        *({"sort": (f"-{sort}",)} for sort in SORTS),
        *({"sort": (f"-{sort}",), "page": 100, "min_context": 1} for sort in SORTS),
        {},
        {"page": 100},
        {"deprecated": "any"},
        {"supports": ("tools", "vision"), "facets": ("provider", "family", "mode", "supports")},
        {"min_context": 1000, "facets": ("provider", "family", "mode", "supports")},
        {"min_output": 1000, "sort": ("name",)},
        {"max_input_price": Decimal(1), "sort": ("-outputPrice", "contextWindow")},
        {"max_output_price": Decimal(1), "open_weights": True},
        {"released_after": DAY, "released_before": DAY, "sort": ("contextWindow",)},
        {"q": "claude", "sort": ("-releaseDate",)},
        {"q": "gp", "sort": ("-name",)},
        {"q": "claude", "supports": ("tools",), "facets": ("provider", "supports")},
        {"as_of": DAY, "sort": ("inputPrice",)},
        {"as_of": DAY, "sort": ("-outputPrice", "inputPrice", "name"), "min_context": 1},
        {"as_of": DAY, "max_input_price": Decimal(1)},
        {"as_of": DAY, "max_output_price": Decimal(1), "sort": ("-releaseDate",)},
    )
} | {
    "providers": lambda db: providers.page(db, ProviderQuery()),
    **{
        f"search {q}": lambda db, q=q: search.page(db, SearchQuery(q=q), None)
        for q in ("claude", "gp", "claude 4", "e")
    },
    "all scores": lambda db: benchmarks.page(db, ScoreQuery(), None),
}
BIG = {"models", "pricing", "benchmarks", "listing", "listing_prices", "changes"}


class Recorder:
    """A database that keeps what it is asked."""

    def __init__(self, database: Database) -> None:
        self.engine = database.engine
        self.asked: list[Statement] = []
        self._database = database

    async def fetch(self, *statements: Statement) -> list[list[Row]]:
        self.asked += statements
        return await self._database.fetch(*statements)


@pytest.fixture(scope="module")
async def database(server: Server) -> AsyncIterator[Database]:
    """The catalogue of the tests; Postgres does not scan and sort small tables there."""
    async with copied(server, "seeded") as engine:
        server.settle(engine)
        url = engine.reader_url
        if server.name == "postgres":
            off = ("seqscan", "sort", "incremental_sort")
            url += "?options=" + "".join(f"%20-c%20enable_{step}%3Doff" for step in off)
        opened = open_database(url, DatabaseOptions(token=engine.reader_token))
        try:
            yield opened
        finally:
            await opened.close()


async def scans(database: Database, ask: Callable[[Any], Awaitable[Any]]) -> list[str]:
    """Steps of the plans that go through a whole big table, or through a whole index of one."""
    recorder = Recorder(database)
    await ask(recorder)
    found = []
    for statement in recorder.asked:
        explain = "EXPLAIN" if database.engine == "postgres" else "EXPLAIN QUERY PLAN"
        [plan] = await database.fetch(statement._replace(sql=f"{explain} {statement.sql}"))
        # SQLite names a table by its alias alone; that of the small table of counts is `l` too.
        aliases = re.findall(r"(?:FROM|JOIN)\s+(\w+) AS (\w+)", statement.sql)
        big = {alias for table, alias in aliases if table in BIG}
        steps = [str(step) for *_, step in plan]
        if ("listing_counts", "l") in aliases and "SCAN l" in steps:
            steps.remove("SCAN l")
        for step in steps:
            scan = re.search(r"^SCAN (\w+)|Seq Scan on (\w+)", step)
            if scan and (scan[1] in big or scan[2] in BIG):
                found.append(f"{statement.name}: {step}")
    return found


def uncovered(steps: list[str]) -> list[str]:
    """Those that may look at the table."""
    # SQLite 3.45, of the libSQL server, never says so of an index on expressions; this one does.
    covering = ("COVERING INDEX", "INDEX listing_ranked")
    return [step for step in steps if not any(words in step for words in covering)]


@pytest.mark.parametrize("ask", POINTS.values(), ids=POINTS)
async def test_points(database: Database, ask: Callable[[Any], Awaitable[Any]]) -> None:
    assert await scans(database, ask) == []


@pytest.mark.parametrize("ask", INDEXED.values(), ids=INDEXED)
async def test_no_table_is_scanned(
    database: Database, ask: Callable[[Any], Awaitable[Any]]
) -> None:
    assert uncovered(await scans(database, ask)) == []


@pytest.mark.parametrize("server", ["postgres"], indirect=True)
@pytest.mark.parametrize("sort", [sign + sort for sort in SORTS for sign in ("", "-")])
async def test_an_index_has_every_order(database: Database, sort: str) -> None:
    """SQLite is told which one to read; nothing but the page is sorted, at the top of the plan."""
    for asked in (ModelQuery(sort=(sort,)), ModelQuery(sort=(sort,), supports=("tools", "vision"))):
        recorder = Recorder(database)
        await models.page(recorder, asked, None)
        statement, *_ = recorder.asked
        [plan] = await database.fetch(statement._replace(sql=f"EXPLAIN {statement.sql}"))
        steps = [str(step) for *_, step in plan]
        assert not [step for step in steps if "->  Sort " in step or "->  Incremental" in step], (
            steps
        )


async def test_facets_of_a_single_character(database: Database) -> None:
    wanted = ModelQuery(q="e", facets=("family", "mode", "supports"))
    found = await scans(database, lambda db: models.page(db, wanted, None))
    assert uncovered([step for step in found if step.startswith("models.kinds")]) == []


@pytest.mark.parametrize("server", ["sqlite", "libsql", "libsql-replica"], indirect=True)
async def test_the_prices_of_a_day_are_one_piece_for_each_length(database: Database) -> None:
    """Neither the periods of other days are read, nor the price of each model looked up."""
    asked = {"as_of": DAY, "max_input_price": Decimal(1), "sort": ("outputPrice",)}
    recorder = Recorder(database)
    await models.page(recorder, ModelQuery(**asked), DAY)  # type: ignore[arg-type]
    [statement] = [s for s in recorder.asked if s.name == "models.page"]
    [plan] = await database.fetch(statement._replace(sql=f"EXPLAIN QUERY PLAN {statement.sql}"))
    steps = [str(step) for *_, step in plan]
    assert "SEARCH l USING PRIMARY KEY (weeks=? AND starts>? AND starts<?)" in steps
    assert any("USING COVERING INDEX listing_prices_output_price" in step for step in steps)
    assert "SEARCH d USING COVERING INDEX listing_prices_number (number=? AND starts<?)" in steps


GROUPS = "listing_kinds (bits=? AND mode=? AND family=? AND deprecated=?"


@pytest.mark.parametrize("server", ["sqlite", "libsql", "libsql-replica"], indirect=True)
@pytest.mark.parametrize(
    ("asked", "piece"),
    [
        ({"released_after": DAY, "min_context": 1}, "listing_released (release_date>?)"),
        ({"supports": ("tools",), "released_before": DAY}, "listing_released (release_date<?)"),
        (
            {"max_output_price": Decimal(1), "min_output": 1},
            "listing_output_price (output_price<?)",
        ),
        ({"min_context": 1}, "listing_context (context_window>?)"),
        ({"supports": ("tools",), "min_output": 1}, GROUPS),
        ({"min_context": 1, "facets": ("mode",)}, GROUPS),
    ],
)
async def test_a_limit_leads_to_a_piece_of_an_index(
    database: Database, asked: dict[str, Any], piece: str
) -> None:
    """Rows past the limit are not read to be counted."""
    recorder = Recorder(database)
    await models.page(recorder, ModelQuery(**asked), None)
    name = "models.kinds" if "facets" in asked else "models.page"
    [statement] = [s for s in recorder.asked if s.name == name]
    [plan] = await database.fetch(statement._replace(sql=f"EXPLAIN QUERY PLAN {statement.sql}"))
    searches = [str(step) for *_, step in plan]
    assert any(f"SEARCH l USING COVERING INDEX {piece}" in step for step in searches), searches


# Tables that grow by the million; others are sorted as a whole within a tenth of a second.
VIEWED = [
    (view, sign + column.name)
    for view in (VIEWS["pricing"], VIEWS["changes"])
    for column in view.columns
    if column.sortable and column.name not in ("deletedAt", view.key)
    for sign in ("", "-")
]


@pytest.mark.parametrize(("view", "sort"), VIEWED, ids=lambda one: getattr(one, "name", one))
async def test_admin_tables(database: Database, view: View, sort: str) -> None:
    """Rows are read in their order."""
    column = view.by_name[sort.removeprefix("-")]
    steps = await finding(database, Choice(view, sort=(sort,)))
    sorts = any(re.search(r"TEMP B-TREE FOR ORDER BY|->  Sort ", step) for step in steps)
    if database.engine == "postgres":
        # Read from its end an index has what is unknown first.
        assert not sorts or column.nullable or not is_ordered(view, column), steps
    else:
        assert not sorts, steps


# Postgres knows how many there are.
@pytest.mark.parametrize("server", ["sqlite", "libsql", "libsql-replica"], indirect=True)
@pytest.mark.parametrize("sort", ["effectiveDate", "-effectiveDate", "inputPrice", "-updatedAt"])
async def test_many_chosen_rows(database: Database, sort: str) -> None:
    """What chooses many rows leads to none of them one by one: neither alone nor in an order."""
    choice = Choice(VIEWS["pricing"], (("state", Condition("in", ("paid",))),), sort=(sort,))
    near, *_ = await finding(database, choice, reach=100)
    assert "USING COVERING INDEX pricing_" in near
    scan, *_ = await finding(database, choice, scan=True)
    assert scan.startswith("SCAN t"), scan


@pytest.mark.parametrize(("view", "name"), [("pricing", "sourceUrl"), ("changes", "actor")])
async def test_a_text_is_looked_for_in_each_value_once(
    database: Database, view: str, name: str
) -> None:
    """From one value to the next in the index, whatever rows there are."""
    choice = Choice(VIEWS[view], ((name, Condition("contains", "none such")),))
    found = await scans(database, lambda db: viewer.page(db, choice, 50, 0))
    assert found == []


async def finding(database: Database, choice: Choice, **how: Any) -> list[str]:
    """The steps by which the keys of a page are found."""
    recorder = Recorder(database)
    await viewer.ordered(recorder, choice, 50, 0, **how)
    [statement, _] = recorder.asked
    sql = re.sub(r"\)\s+SELECT t\..*", ") SELECT k FROM found", statement.sql, flags=re.DOTALL)
    explain = "EXPLAIN" if database.engine == "postgres" else "EXPLAIN QUERY PLAN"
    [plan] = await database.fetch(statement._replace(sql=f"{explain} {sql}"))
    steps = [str(step) for *_, step in plan]
    return [step for step in steps if not re.match("MATERIALIZE|CO-ROUTINE|SCAN found|CTE", step)]


# libSQL plans alike, where readers may ask for no such plan.
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
async def test_the_rows_of_a_batch_are_walked_once_for_all_that_are_held(
    database: Database,
) -> None:
    params: dict[str, Value] = dict.fromkeys(("batch", "now", "today", "actor", "run"), "x")
    steps = write_rows("sqlite", PRICING, "[]", params | {"factor": 10}, hold=True)
    held = [
        step for step in steps if step.name in ("ingest.hold_pricing", "ingest.name_held_pricing")
    ]
    assert len(held) == 2
    for step in held:
        [plan] = await database.fetch(step._replace(sql=f"EXPLAIN QUERY PLAN {step.sql}"))
        (parent,) = (parent for _, parent, _, text in plan if str(text).startswith("SCAN e "))
        loops = [
            text for _, of, _, text in plan if of == parent and str(text)[:4] in ("SCAN", "SEAR")
        ]
        assert str(loops[0]).startswith("SCAN e ")
