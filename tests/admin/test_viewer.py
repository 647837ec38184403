"""Every column of every table sorted, filtered and searched: as Python does it with all rows."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest

from service.application import viewer
from service.domain.conditions import Choice, conditions
from service.domain.tokens import new_credential
from service.domain.viewer import VIEWS, Column, View
from service.errors import InvalidRequest
from service.storage import tokens
from service.storage.choosing import ORDERED
from service.storage.database import Database, Statement
from service.storage.viewer import ViewRow
from tests.databases import copied, writing
from tests.engines import Server

pytestmark = pytest.mark.anyio

SOME = """
INSERT INTO held_prices (id, model_id, service_tier, context_threshold, effective_date,
    input_price_per_million, given, observed, current_id, actor, run_id, held_at)
SELECT p.id, p.model_id, p.service_tier, p.context_threshold, p.effective_date,
    p.input_price_per_million * 20, 1, 0, p.id, 'nightly', NULL, '2026-11-22T00:00:00.000Z'
FROM pricing AS p WHERE p.id < 9
"""


@pytest.fixture(scope="module")
async def db(server: Server) -> AsyncIterator[Database]:
    """The catalogue of the tests, with held prices, tokens and deleted rows."""
    async with copied(server, "seeded") as engine, writing(engine) as database:
        await database.batch(Statement("test", SOME))
        for name in ("ada", "Grace_1", "nightly%"):
            scope: Any = "admin" if name == "ada" else "pipeline"
            await tokens.create(database, new_credential(), name, scope, "2026-11-22T", None)
        yield database


async def everything(db: Database, view: View) -> list[ViewRow]:
    pieces = viewer.stored.pieces(db, Choice(view, deleted="any", sort=(view.key,)))
    return [row async for piece in pieces for row in piece]


def key(row: ViewRow, view: View) -> Any:
    return row.values[view.key]


def in_order(rows: list[ViewRow], view: View, name: str, *, descending: bool) -> list[ViewRow]:
    """What is unknown comes last; ties are in the order of the key, from its end in an index's."""
    backwards = descending and name in ORDERED.get(view.name, ())
    rows = sorted(rows, key=lambda row: key(row, view), reverse=backwards)
    known = [row for row in rows if row.values[name] is not None]
    known.sort(key=lambda row: comparable(row.values[name]), reverse=descending)
    return [*known, *(row for row in rows if row.values[name] is None)]


def comparable(value: Any) -> Any:
    return ",".join(value) if isinstance(value, tuple) else value


async def keys(db: Database, choice: Choice) -> list[Any]:
    found, page = [], 1
    while True:
        rows = (await viewer.list_rows(db, choice, page)).rows
        found += [key(row, choice.view) for row in rows]
        if len(rows) < viewer.PAGE_SIZE:
            return found
        page += 1


@pytest.mark.parametrize("view", VIEWS.values(), ids=lambda view: view.name)
async def test_any_column_sorts(db: Database, view: View) -> None:
    rows = await everything(db, view)
    assert len(rows) > 2
    for column in view.columns:
        if not column.sortable:
            continue
        for sign in ("", "-"):
            expected = in_order(rows, view, column.name, descending=bool(sign))
            found = await keys(db, Choice(view, sort=(sign + column.name,), deleted="any"))
            assert found == [key(row, view) for row in expected], sign + column.name


def asked(
    column: Column, value: Any, pick: random.Random
) -> list[tuple[str, Callable[[Any], bool]]]:
    """What one may type about a column in view of one of its values, and what it means."""
    known = [("known", lambda v: v is not None)]
    if "unknown" not in column.choices:
        known.append(("unknown", lambda v: v is None))
    if value is None:
        return known
    match column.kind:
        case "text":
            part = value[pick.randrange(len(value)) :][:4].strip() or value
            return [
                *known,
                (f"={value}", lambda v: v == value),
                (f'"{part.upper()}"', lambda v: v is not None and part.casefold() in v.casefold()),
            ]
        case "choice":
            other = pick.choice(column.choices)
            return [*known, (f"{value}, {other}", lambda v: v in (value, other))]
        case "list":
            return (
                [
                    (",".join(value[:2]), lambda v: set(value[:2]) <= set(v)),
                ]
                if value
                else known
            )
        case "flag":
            return [*known, (str(value).lower(), lambda v: v is value)]
        case "whole" | "decimal":
            text = format(Decimal(value), "f")
            return [
                *known,
                (text, lambda v: v == value),
                (f">={text}", lambda v: v is not None and v >= value),
                (f"< {text}", lambda v: v is not None and v < value),
                (f"{text}..", lambda v: v is not None and v >= value),
                (f"0..{text}", lambda v: v is not None and 0 <= v <= value),
            ]
        case "date" | "moment":
            day, month = value[:10], value[:7]
            return [
                *known,
                (month, lambda v: v is not None and v.startswith(month)),
                (value[:4], lambda v: v is not None and v.startswith(value[:4])),
                (f">{day}", lambda v: v is not None and v[:10] > day),
                (f"<={month}", lambda v: v is not None and v[:7] <= month),
                (f"2024..{day}", lambda v: v is not None and v >= "2024" and v[:10] <= day),
            ]
    return []


@pytest.mark.parametrize("view", VIEWS.values(), ids=lambda view: view.name)
async def test_any_column_filters(db: Database, view: View) -> None:
    pick = random.Random(view.name)
    rows = await everything(db, view)
    tried = 0
    for column in view.columns:
        if column.kind in ("json", "row"):
            continue
        values = {row.values[column.name] for row in rows}
        for value in pick.sample(sorted(values, key=str), min(4, len(values))):
            for text, holds in asked(column, value, pick):
                where = tuple((column.name, one) for one in conditions(column, text))
                expected = [key(row, view) for row in rows if holds(row.values[column.name])]
                choice = Choice(view, where, deleted="any", sort=(view.key,))
                assert await keys(db, choice) == expected, (column.name, text)
                total = (await viewer.list_rows(db, choice)).total
                assert total == len(expected)
                exported = [
                    row async for some in viewer.export(db, choice, [view.key]) for row in some
                ]
                assert exported == [(key,) for key in expected]
                tried += 1
    assert tried > 20


@pytest.mark.parametrize("name", ["pricing", "changes", "models", "held"])
async def test_many_rows_are_found_as_few_are(
    db: Database, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Sorted, near the beginning of an order, or by a scan: with the same answer."""
    view = VIEWS[name]
    pick = random.Random(name)
    rows = await everything(db, view)
    for column in view.columns:
        if not column.sortable or column.kind == "list":
            continue
        value = pick.choice([row.values[column.name] for row in rows])
        for text, _ in asked(column, value, pick)[-2:]:
            where = tuple((column.name, one) for one in conditions(column, text))
            by = pick.choice([one.name for one in view.columns if one.sortable])
            for sort in (column.name, f"-{column.name}", by, f"-{by}"):
                choice = Choice(view, where, deleted="any", sort=(sort,))
                found = [await keys(db, choice)]
                for reach in (2, 10**6):
                    with monkeypatch.context() as patch:
                        patch.setattr(viewer.stored, "SORTED", 3)
                        patch.setattr(viewer.stored, "REACH", reach)
                        found.append(await keys(db, choice))
                assert found[0] == found[1] == found[2], (column.name, text, sort)
                exported = [
                    row async for some in viewer.export(db, choice, [view.key]) for row in some
                ]
                assert exported == [(one,) for one in found[0]]
                with monkeypatch.context() as patch:  # more come in the order of their keys
                    patch.setattr(viewer.stored, "COUNTED", 3)
                    patch.setattr(viewer.stored, "_PIECE", 4)
                    pieces = [one async for one in viewer.export(db, choice, [view.key])]
                if len(found[0]) > 3:
                    assert [row for some in pieces for row in some] == sorted(exported)
                    assert all(len(some) <= 4 for some in pieces)


async def test_free_text_and_deleted_rows(db: Database) -> None:
    view = VIEWS["models"]
    rows = await everything(db, view)
    for q in ("CLAUDE", "100%", "back_slash", "\\", "İSTANBUL", "智谱", "no such thing", "'"):
        expected = [
            row.key
            for row in rows
            if any(q.casefold() in (row.values[name] or "").casefold() for name in view.searched)
        ]
        assert await keys(db, Choice(view, q=q, deleted="any")) == expected, q
    gone = [row.key for row in rows if row.values["deletedAt"]]
    assert gone
    assert await keys(db, Choice(view, deleted="only")) == gone
    assert await keys(db, Choice(view)) == [row.key for row in rows if row.key not in gone]


async def test_a_row_has_its_locks(db: Database) -> None:
    view = VIEWS["pricing"]
    await db.batch(
        Statement(
            "test",
            "INSERT INTO locks VALUES ('pricing', '3', 'state', 'ada', 'now'),"
            " ('pricing', '3', 'inputPrice', 'ada', 'now'), ('models', '3', 'name', 'ada', 'now')",
        )
    )
    row, revision = await viewer.get_row(db, view, "3")
    assert (row.key, row.locked) == ("3", {"state", "inputPrice"})
    assert revision > 0
    page = await viewer.list_rows(db, Choice(view, sort=("-id",)))
    assert [row.key for row in page.rows if row.locked] == ["3"]


@pytest.mark.parametrize(
    ("table", "column", "text"),
    [
        ("pricing", "inputPrice", "cheap"),
        ("pricing", "inputPrice", ">="),
        ("pricing", "inputPrice", "1,5"),
        ("pricing", "inputPrice", "1.0000000001"),
        ("pricing", "inputPrice", "12345678901"),
        ("pricing", "state", "paid,gratis"),
        ("pricing", "effectiveDate", "2025-13"),
        ("pricing", "effectiveDate", "2025-02-30"),
        ("pricing", "effectiveDate", ".."),
        ("pricing", "effectiveDate", "0000"),
        ("models", "deprecated", "maybe"),
        ("models", "inputModalities", "smell"),
        ("changes", "revision", "0x10"),
        ("models", "contextWindow", "1" * 19),
    ],
)
def test_what_cannot_be_asked_is_told(table: str, column: str, text: str) -> None:
    with pytest.raises(InvalidRequest, match=column) as refused:
        conditions(VIEWS[table].by_name[column], text)
    assert any(word in refused.value.message for word in ("must be", "one of"))


def test_no_secret_is_a_column() -> None:
    names = {column.name for view in VIEWS.values() for column in view.columns}
    assert not [name for name in names if "hash" in name.lower() or "secret" in name.lower()]
