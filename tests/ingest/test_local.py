"""Into a database of this process: what a dry run shows is what a run then does."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from service.application import edits, locks
from service.storage.database import Database
from service.storage.writing import Author
from tests.ingest.conftest import Here, run_of

ADA = Author("ada", datetime.datetime(2026, 11, 20, tzinfo=datetime.UTC))
TABLES = """\
table,id,name,providerId,modelId,contextWindow,observedOn,effectiveDate,inputPrice,outputPrice,deprecated
providers,openai,OpenAI,,,,,,,,
models,,One,openai,one,1000,,,,,
models,,Two,openai,two,,,,,,false
models,,Three,openai,three,,,,,,
models,,Gone,openai,gone,,,,,,
pricing,,,,openai/one,,2026-11-01,,1,2,
pricing,,,,openai/two,,,2026-11-01,1,2,
pricing,,,,openai/three,,2026-11-01,,1,2,
"""


def litellm(tmp_path: Path, **changed: dict[str, Any]) -> str:
    """A file with a model that is known in full, one that moves, one that jumps, and a new one."""
    entries: dict[str, dict[str, Any]] = {
        "one": {"max_input_tokens": 9, "input_cost_per_token": 1e-06, "supports_vision": True},
        "two": {"max_input_tokens": 9, "input_cost_per_token": 2e-06, "max_output_tokens": 5},
        "three": {"input_cost_per_token": 20e-06, "output_cost_per_token": 2e-06},
        "gone": {"input_cost_per_token": 3e-06, "max_input_tokens": 7},
        "new": {
            "input_cost_per_token": 1.5e-07,
            "input_cost_per_token_flex": 7.5e-08,
            "deprecation_date": "2020-01-01",
        },
    }
    shared = {"litellm_provider": "openai", "mode": "chat"}
    made = {key: shared | entry | changed.get(key, {}) for key, entry in entries.items()}
    path = tmp_path / "litellm.json"
    path.write_text(json.dumps(made))
    return str(path)


@pytest.fixture
def base(here: Here, tmp_path: Path) -> Here:
    """A catalogue with a lock, and with a model that was deleted by hand."""
    path = tmp_path / "base.csv"
    path.write_text(TABLES)
    here.ingest("csv", "--file", str(path))

    async def by_hand(db: Database) -> None:
        await locks.put_lock(db, "models", "openai/two", "contextWindow", author=ADA)
        await edits.delete(db, "models", "openai/gone", author=ADA)

    here.work(by_hand)
    return here


def test_a_dry_run_shows_what_a_run_does(base: Here, tmp_path: Path) -> None:
    file = litellm(tmp_path)
    before = base.rows("SELECT max(revision) FROM changes")
    told = base.ingest("litellm", "--file", file, "--dry-run", "--verbose")
    assert base.rows("SELECT max(revision) FROM changes") == before
    assert base.rows("SELECT count(*) FROM pipeline_runs") == [(1,)]

    done = base.ingest("litellm", "--file", file)
    assert done.counts == told.counts
    assert "held prices wait for an admin" in done.out
    assert done.counts == {
        "providers": {},
        "models": {"created": 1, "updated": 3, "locked": 2},
        "pricing": {"created": 3, "unchanged": 1, "locked": 1, "held": 1},
        "benchmarks": {},
    }
    again = base.ingest("litellm", "--file", file).counts
    assert again["models"] == {"unchanged": 3, "locked": 2}
    assert again["pricing"] == {"unchanged": 4, "locked": 1, "held": 1}


def test_the_difference_is_told_field_by_field(base: Here, tmp_path: Path) -> None:
    said = base.ingest("litellm", "--file", litellm(tmp_path), "--dry-run")
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert "updated models openai/one supportsVision: unknown → yes" in lines
    assert "updated models openai/two maxOutput: unknown → 5" in lines
    assert "contextWindow: unknown is locked, not 9" in lines
    assert "deleted models openai/gone" in lines
    assert any(line.startswith("held pricing openai/three") and "1 → 20" in line for line in lines)
    assert "inputPrice: 0.075" in lines[lines.index(next(x for x in lines if "flex" in x))]
    assert "nothing was written" in lines


def test_a_run_is_closed_with_its_counts(base: Here, tmp_path: Path) -> None:
    run = run_of(base.ingest("litellm", "--file", litellm(tmp_path)))
    assert base.rows(f"SELECT status, source, actor FROM pipeline_runs WHERE id = '{run}'") == [
        ("success", "litellm", "ingest")
    ]


def test_prices_are_stored_exactly(base: Here, tmp_path: Path) -> None:
    base.ingest("litellm", "--file", litellm(tmp_path), "--observed-on", "2026-11-10")
    sql = """
        SELECT service_tier, effective_date, input_price_per_million FROM pricing
        WHERE model_id = 'openai/new' ORDER BY service_tier
    """
    assert base.rows(sql) == [
        ("flex", "2026-11-10", 75_000_000),
        ("standard", "2026-11-10", 150_000_000),
    ]


def test_only_what_nobody_said_is_filled(base: Here, tmp_path: Path) -> None:
    base.ingest("litellm", "--file", litellm(tmp_path))
    sql = "SELECT name, context_window, deprecated FROM models WHERE id = 'openai/{}'"
    assert base.rows(sql.format("one")) == [("One", 1000, 0)]
    assert base.rows(sql.format("new")) == [("new", None, 1)]


def test_a_refused_run_is_closed_as_failed(
    sqlite: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "base.csv"
    path.write_text(TABLES)
    # What resolves references is left out, so that the database refuses.
    monkeypatch.setattr("service.sources.registry.resolved", lambda catalogue, known: catalogue)
    path.write_text(TABLES.replace("providers,openai", "providers,other"))
    said = sqlite.ingest("csv", "--file", str(path), code=1)
    assert "there is no provider openai" in said.err
    assert said.err.count("\n") == 1
    assert sqlite.rows("SELECT status FROM pipeline_runs") == [("failed",)]


@pytest.mark.parametrize("option", [(), ("--dry-run",)])
def test_a_table_of_which_nothing_can_be_stored(
    sqlite: Here, tmp_path: Path, option: tuple[str, ...]
) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("modelId,observedOn,inputPrice\nopenai/no,2026-01-01,1\nopenai/no,x,1\n")
    said = sqlite.ingest("csv", "--file", str(path), *option, code=1)
    assert "its model is not stored" in said.out
    assert said.err == "aicompare: nothing was stored: all of 2 rows have no place here\n"
