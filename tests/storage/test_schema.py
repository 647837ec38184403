"""What the schema itself refuses, and keeps exact, whoever writes: on every engine."""

from __future__ import annotations

from decimal import Decimal

import pytest

from service.application import ingest
from service.domain.batches import Batch
from service.domain.pricing import FIGURES
from service.domain.queries import PriceQuery, ScoreQuery
from service.errors import Conflict
from service.storage import benchmarks, pricing
from service.storage.database import Database
from tests.catalog import GPT, NOW, model, price, scores
from tests.storage.test_database import rows, sql

pytestmark = pytest.mark.anyio

PROVIDER = {"id": "'new'", "name": "'New'"}
MODEL = {"id": "'openai/n'", "provider_id": "'openai'", "model_id": "'n'", "name": "'N'"}
PRICE = {"id": "900", "model_id": f"'{GPT}'", "effective_date": "'2025-01-01'"}
SCORE = {"id": "900", "model_id": f"'{GPT}'", "benchmark_name": "'b'", "score": "5"}
RUN = {"id": "'r'", "started_at": "'2026-01-02T00:00:00Z'"}
STATE = {"id": "1", "price_day": "'2026-01-01'"}
ROWS = {"providers": PROVIDER, "models": MODEL, "pricing": PRICE, "benchmarks": SCORE,
        "pipeline_runs": RUN, "catalog_state": STATE}  # fmt: skip
NO_DAYS = ("2025-02-30", "2024-13-01", "2023-02-29", "2025-1-1", "2025-01-01T00:00:00Z", "",
           "20250101", "2025-01", "infinity", " 2025-01-01", "10000-01-01")  # fmt: skip
NO_MONTHS = (
    "2025-13",
    "2024-13",
    "2025-00",
    "2025",
    "2025-1",
    "25-01",
    "2025-02-30",
    "",
    "2025-01-",
)
FLAGS = ("vision", "tools", "function_calling", "streaming", "reasoning", "structured_output",
         "prompt_caching")  # fmt: skip


def bad(table: str, **values: str) -> tuple[str, dict[str, str]]:
    return table, values


REFUSED = [
    # Foreign keys and keys.
    bad("models", id="'x/n'", provider_id="'x'"),
    bad("pricing", model_id="'no/such'"),
    bad("benchmarks", model_id="'no/such'"),
    bad("providers", id="'openai'"),
    bad("providers", id="NULL"),
    bad("models", id="'openai/gpt-5'", model_id="'gpt-5'"),
    bad("pricing", effective_date="'2025-08-07'"),
    bad("pricing", id="1"),
    bad("benchmarks", benchmark_name="'penalty'"),
    bad("catalog_state"),
    bad("catalog_state", id="2"),
    # Names and ids.
    bad("providers", id="''"),
    bad("providers", id="'a/b'"),
    bad("providers", name="''"),
    bad("providers", name="NULL"),
    bad("models", id="'openai/other'"),
    bad("models", id="'openai/'", model_id="''"),
    bad("models", name="''"),
    bad("benchmarks", benchmark_name="''"),
    # Figures.
    bad("models", context_window="0"),
    bad("models", max_output="-1"),
    bad("models", deprecated="2"),
    bad("models", deprecated="NULL"),
    bad("models", open_weights="-1"),
    *(bad("models", **{f"supports_{flag}": "2"}) for flag in FLAGS),
    *(bad("pricing", **{figure: "-1"}) for figure in FIGURES.values()),
    bad("pricing", context_threshold="-1"),
    bad("pricing", state="'free'", input_price_per_million="1"),
    bad("pricing", state="'free'", input_price_per_million="0", output_price_per_million="1"),
    bad("pricing", state="'unknown'", input_price_per_million="1"),
    bad("pricing", state="'unknown'", output_price_per_million="0"),
    bad("pricing", state="'cheap'"),
    bad("pricing", service_tier="'gold'"),
    bad("benchmarks", score="NULL"),
    bad("benchmarks", score_low="6"),
    bad("benchmarks", score_high="4"),
    bad("benchmarks", higher_is_better="2"),
    # Days and months.
    *(bad("pricing", effective_date=f"'{day}'") for day in NO_DAYS),
    bad("pricing", effective_date="NULL"),
    *(bad("models", release_date=f"'{day}'") for day in NO_DAYS),
    *(bad("models", deprecation_date=f"'{day}'") for day in NO_DAYS[:2]),
    *(bad("benchmarks", measured_at=f"'{day}'") for day in NO_DAYS[:2]),
    *(bad("models", knowledge_cutoff=f"'{month}'") for month in NO_MONTHS),
    # Runs.
    bad("pipeline_runs", status="'done'", completed_at="'2026-01-03T00:00:00Z'"),
    bad("pipeline_runs", status="'success'", completed_at="'2026-01-01T00:00:00Z'"),
    bad("pipeline_runs", status="'success'"),
    bad("pipeline_runs", status="'running'", completed_at="'2026-01-03T00:00:00Z'"),
    bad("pipeline_runs", models_updated="-1"),
    bad("pipeline_runs", counts="'{'"),
    bad("pipeline_runs", errors="'nothing'"),
]


def insert(table: str, **values: str) -> str:
    row = ROWS[table] | values
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(row.values())})"


@pytest.mark.parametrize(("table", "values"), REFUSED)
async def test_the_schema_refuses(unchanged: Database, table: str, values: dict[str, str]) -> None:
    with pytest.raises(Conflict):
        await unchanged.batch(sql(insert(table, **values)))


ALLOWED = [
    *((table, {}) for table in ROWS if table != "catalog_state"),
    bad("models", knowledge_cutoff="'2025-01'", release_date="'2024-02-29'"),
    bad("models", knowledge_cutoff="'2025-01-31'", context_window="9000000000"),
    bad("pricing", state="'free'", input_price_per_million="0"),
    bad("pricing", state="'unknown'"),
    bad("pricing", state="'subscription'", input_price_per_million="5"),
    bad("pricing", input_price_per_million="999999999999999999", effective_date="'0001-01-01'"),
    bad("pricing", effective_date="'2025-08-07'", context_threshold="1"),
    bad("pricing", effective_date="'2025-08-07'", service_tier="'flex'"),
    bad("benchmarks", score="-9000000000000000000", score_low="-9000000000000000001"),
    bad("pipeline_runs", status="'failed'", completed_at="'2026-01-02T00:00:00Z'"),
]


@pytest.mark.parametrize(("table", "values"), ALLOWED)
async def test_the_schema_allows(unchanged: Database, table: str, values: dict[str, str]) -> None:
    """Beside each refusal stands something like it that is good; taken back at once."""
    key = (ROWS[table] | values)["id"]
    undo = sql(f"DELETE FROM {table} WHERE id = {key}")
    _, undone = await unchanged.batch(sql(insert(table, **values)), undo)
    assert undone.affected == 1


@pytest.mark.parametrize("table", ["providers", "models"])
async def test_deleting_cascades(seeded: Database, table: str) -> None:
    key = {"providers": "openai", "models": GPT}[table]
    await seeded.batch(sql(f"DELETE FROM {table} WHERE id = :key", key=key))
    for child in ("models", "pricing", "benchmarks", "listing"):
        column = "id" if child == "models" else "model_id"
        left = await rows(seeded, f"SELECT count(*) FROM {child} WHERE {column} LIKE '{key}%'")
        others = await rows(seeded, f"SELECT count(*) FROM {child}")
        if table == "providers":
            assert left == [(0,)]
        assert await rows(seeded, f"SELECT count(*) FROM {child} WHERE {column} = '{GPT}'") == [
            (0,)
        ]
        assert others[0][0] > 5
    deleted = "SELECT table_name FROM changes WHERE model_id = 'openai/gpt-5' AND after IS NULL"
    tables = sorted(str(name) for (name,) in await rows(seeded, deleted))
    assert tables == ["benchmarks"] * 3 + ["models"] + ["pricing"] * 4


async def test_decimals_stay_exact(seeded: Database) -> None:
    figures = ("0.000000001", "999999999.999999999", "0.1", "12.345678901", "0.018750000", "0")
    batch = Batch(
        models=tuple(model(f"openai/exact-{i}", "Exact") for i in range(len(figures))),
        pricing=tuple(
            price(f"openai/exact-{i}", "2026-01-01", figure, figure, figure)
            for i, figure in enumerate(figures)
        ),
        benchmarks=tuple(
            score
            for i, figure in enumerate((*figures[:-1], "-1451.000000001"))
            for score in scores("exact", {f"openai/exact-{i}": figure})
        ),
    )
    await ingest.apply(seeded, batch, actor="test", now=NOW)
    for i, figure in enumerate(figures):
        found = await pricing.page(seeded, PriceQuery(model=f"openai/exact-{i}"))
        [stored] = found.prices
        assert {stored.input_price, stored.output_price, stored.cached_input_price} == {
            Decimal(figure)
        }
    found_scores = await benchmarks.page(seeded, ScoreQuery(name="exact"), None)
    assert [score.score for score in found_scores.scores] == [
        Decimal(text)
        for text in ("999999999.999999999", "12.345678901", "0.1", "0.01875", "1e-9",
                     "-1451.000000001")
    ]  # fmt: skip
