"""The change log: triggers write it, whoever changes a row, in the order of commits."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from service.storage.database import Database
from tests.catalog import GPT, SONNET
from tests.databases import copied, writing
from tests.engines import Server
from tests.storage.test_database import rows, sql

pytestmark = pytest.mark.anyio

NEWEST = "SELECT coalesce(max(revision), 0) FROM changes"


async def changed(database: Database, statement: str) -> list[tuple[Any, ...]]:
    """What a statement by hand leaves in the log: table, key, model, kind, before, after."""
    [[before]] = await rows(database, NEWEST)
    await database.batch(sql(statement))
    found = await rows(
        database,
        "SELECT revision, table_name, row_id, model_id, kind, before, after, actor, run_id"
        f" FROM changes WHERE revision > {before} ORDER BY revision",
    )
    assert [row[0] for row in found] == list(range(before + 1, before + 1 + len(found)))
    assert {row[7:] for row in found} <= {("sql", None)}
    return [(*row[1:5], *(text and json.loads(text) for text in row[5:7])) for row in found]


SERIES = f"(model_id, effective_date, input_price_per_million) VALUES ('{GPT}'"
ONE = f"WHERE model_id = '{GPT}' AND service_tier = 'standard' AND effective_date = '2025-08-07'"
PENALTY = f"WHERE model_id = '{GPT}' AND benchmark_name = 'penalty'"
MODEL = f"WHERE id = '{GPT}'"
# A statement, the kind of change, and a member that differs between before and after.
BY_HAND = [
    ("INSERT INTO providers (id, name) VALUES ('p', 'P')", "provider_added", None),
    ("UPDATE providers SET website = 'x' WHERE id = 'openai'", "provider_changed", "website"),
    ("UPDATE providers SET deleted_at = 'x' WHERE id = 'openai'", "provider_deleted", "deleted_at"),
    ("UPDATE providers SET deleted_at = NULL WHERE id = 'gone'", "provider_restored", "deleted_at"),
    ("DELETE FROM providers WHERE id = 'nobody'", "provider_deleted", None),
    (
        "INSERT INTO models (id, provider_id, model_id, name)"
        " VALUES ('openai/n', 'openai', 'n', 'N')",
        "model_added",
        None,
    ),
    (f"UPDATE models SET name = 'G' {MODEL}", "model_changed", "name"),
    (f"UPDATE models SET deprecated = 1 {MODEL}", "model_deprecated", "deprecated"),
    (
        "UPDATE models SET deprecated = 0 WHERE id = 'anthropic/claude-2'",
        "model_changed",
        "deprecated",
    ),
    (f"UPDATE models SET deleted_at = 'x', deprecated = 1 {MODEL}", "model_deleted", "deleted_at"),
    (
        "UPDATE models SET deleted_at = NULL WHERE id = 'openai/davinci'",
        "model_restored",
        "deleted_at",
    ),
    ("DELETE FROM models WHERE id = 'openrouter/@preset/x'", "model_deleted", None),
    (f"INSERT INTO pricing {SERIES}, '2020-01-01', 7)", "price_added", None),
    (f"INSERT INTO pricing {SERIES}, '2026-01-01', 7)", "price_changed", "effective_date"),
    (f"UPDATE pricing SET output_price_per_million = 7 {ONE}", "price_corrected",
     "output_price_per_million"),
    (f"UPDATE pricing SET verified_at = 'x' {ONE}", "price_corrected", "verified_at"),
    (f"UPDATE pricing SET deleted_at = 'x' {ONE}", "price_deleted", "deleted_at"),
    (f"DELETE FROM pricing {ONE}", "price_deleted", None),
    (
        f"INSERT INTO benchmarks (model_id, benchmark_name, score) VALUES ('{GPT}', 'b', 5)",
        "score_added",
        None,
    ),
    (f"UPDATE benchmarks SET score = 7 {PENALTY}", "score_changed", "score"),
    (f"UPDATE benchmarks SET deleted_at = 'x' {PENALTY}", "score_deleted", "deleted_at"),
    (
        "UPDATE benchmarks SET deleted_at = NULL WHERE model_id LIKE 'mistral/%'",
        "score_restored",
        "deleted_at",
    ),
    (f"DELETE FROM benchmarks {PENALTY}", "score_deleted", None),
]  # fmt: skip
TABLES = {"provider": "providers", "model": "models", "price": "pricing", "score": "benchmarks"}


@pytest.fixture(scope="module")
async def edited(written: Server) -> AsyncIterator[Database]:
    """One database for all edits by hand, each of which is to other rows or other columns."""
    async with copied(written, "seeded") as engine, writing(engine) as database:
        yield database


@pytest.mark.parametrize(("statement", "kind", "member"), BY_HAND)
async def test_an_edit_by_hand_is_logged(
    edited: Database, statement: str, kind: str, member: str | None
) -> None:
    [(table, key, model_id, found, before, after)] = await changed(edited, statement)
    noun, _, verb = kind.partition("_")
    assert (table, found) == (TABLES[noun], kind)
    row = after or before
    assert str(row["id"]) == key
    assert model_id == {"providers": None, "models": key}.get(table, row.get("model_id"))
    assert not {"updated_at", "name_folded"} & set(row)
    if member:
        assert before[member] != after[member]
    elif verb == "added":
        assert before is None
        assert after["created_at"]
    else:
        assert after is None
        assert before["created_at"]


async def test_nothing_is_logged_where_nothing_changed(seeded: Database) -> None:
    for table in TABLES.values():
        assert await changed(seeded, f"UPDATE {table} SET id = id") == []
        assert await changed(seeded, f"UPDATE {table} SET updated_at = 'x'") == []
    before = await rows(seeded, "SELECT id, updated_at FROM providers ORDER BY id")
    assert await changed(seeded, "UPDATE providers SET name_folded = 'x'") == []
    assert await rows(seeded, "SELECT id, updated_at FROM providers ORDER BY id") == before


async def test_a_price_follows_the_one_before_it_in_its_own_series(seeded: Database) -> None:
    insert = "INSERT INTO pricing (model_id, effective_date, service_tier, context_threshold)"
    for tier, threshold, previous in (
        ("standard", 0, "2025-09-29"), ("batch", 0, "2025-09-29"),
        ("standard", 200_000, "2025-09-29"), ("flex", 0, None),
    ):  # fmt: skip
        statement = f"{insert} VALUES ('{SONNET}', '2026-02-02', '{tier}', {threshold})"
        [(*_, kind, before, after)] = await changed(seeded, statement)
        assert kind == ("price_changed" if previous else "price_added")
        assert (before and before["effective_date"]) == previous
        assert (after["service_tier"], after["context_threshold"]) == (tier, threshold)
    await seeded.batch(sql("UPDATE pricing SET deleted_at = 'x' WHERE effective_date < '2026-01'"))
    statement = f"{insert} VALUES ('{SONNET}', '2026-02-01', 'batch', 0)"
    [(*_, kind, before, _)] = await changed(seeded, statement)
    assert (kind, before) == ("price_added", None)


async def test_times_are_kept_by_the_database(seeded: Database) -> None:
    times = f"SELECT updated_at FROM models WHERE id = '{SONNET}'"
    [[made]] = await rows(seeded, times)
    await seeded.batch(sql(f"UPDATE models SET family = family WHERE id = '{SONNET}'"))
    assert await rows(seeded, times) == [(made,)]
    for table, column in (("models", "family"), ("providers", "website"),
                          ("pricing", "source_url"), ("benchmarks", "source_url")):  # fmt: skip
        await seeded.batch(sql(f"UPDATE {table} SET {column} = 'https://new.example'"))
        [[updated, created]] = await rows(
            seeded, f"SELECT min(updated_at), max(created_at) FROM {table}"
        )
        [[logged]] = await rows(seeded, "SELECT max(changed_at) FROM changes")
        assert created < updated <= logged
    given = "2030-01-01T00:00:00.000Z"
    await seeded.batch(sql("UPDATE models SET name = 'x', updated_at = :given", given=given))
    assert await rows(seeded, "SELECT DISTINCT updated_at FROM models") == [(given,)]
