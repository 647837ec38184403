"""`GET /v1/status`, and how far a replica is behind its primary."""

from __future__ import annotations

import pytest

import service
from service.storage import migrate
from tests.catalog import TODAY
from tests.databases import copied, writing
from tests.engines import Server
from tests.expected import World
from tests.http.conftest import Api, serving
from tests.storage.test_database import sql

pytestmark = pytest.mark.anyio


async def test_what_a_service_knows_of_itself(api: Api, world: World) -> None:
    status = await api.data("status")
    engine = "libsql" if api.engine == "libsql-replica" else api.engine
    changes = await api.data("changes", limit=1000)
    newest = migrate.load(migrate.folder(engine))[-1].version  # type: ignore[arg-type]
    # Under a provider that is deleted there are rows that are not, which no list shows.
    hidden = {"providers": 0, "models": 1, "pricing": 2, "benchmarks": 1}
    counts = {table: len(rows) - hidden[table] for table, rows in world.rows.items()}
    expected = {
        "version": service.__version__,
        "revision": len(changes),
        "schemaVersion": newest,
        "engine": engine,
        "region": None,
        "role": "primary",
        "priceDay": TODAY.isoformat(),
        "counts": counts,
        "replicationLag": 0,
    }
    assert expected.items() <= status.items()
    for table in ("providers", "models", "pricing", "benchmarks"):
        query = {} if table != "models" else {"deprecated": "any"}
        path = table if table != "pricing" else "export/pricing.csv"
        response = await api.client.get(f"/v1/{path}", params=query)
        shown = response.json()["meta"]["total"] if path == table else response.text.count("\n") - 1
        assert counts[table] == shown, table


async def test_it_has_no_parameters(api: Api) -> None:
    assert "verbose" in (await api.refused("status", verbose=1))["message"]


async def test_a_service_that_reads_elsewhere_than_it_writes(server: Server) -> None:
    """Lag is counted in revisions, and unknown while the primary is away."""
    async with copied(server, "seeded") as engine, copied(server, "seeded") as ahead:
        async with writing(ahead) as database:
            await database.batch(sql("UPDATE providers SET name = name || '!'"))
        primary = {
            "primary_database_url": ahead.writer_url,
            "primary_database_token": ahead.writer_token,
        }
        async with serving(engine, **primary) as client:
            status = await Api(client, engine.name).data("status")
            assert (status["role"], status["replicationLag"]) == ("replica", 11)
            assert status["revision"] == 84
            figures = (await client.get("/metrics")).text
            assert "\naicompare_replication_lag_revisions 11\n" in figures
            assert '\naicompare_database_up{database="primary"} 1\n' in figures
        # Nobody listens on port 1.
        urls = {"sqlite": "file:none.db", "postgres": "postgresql://127.0.0.1:1/x"}
        gone = {"primary_database_url": urls.get(server.name, "http://127.0.0.1:1")}
        async with serving(engine, **gone) as client:
            status = await Api(client, engine.name).data("status")
            assert (status["role"], status["replicationLag"]) == ("replica", None)
            figures = (await client.get("/metrics")).text
            assert "\naicompare_replication_lag_revisions " not in figures
            assert '\naicompare_database_up{database="primary"} 0\n' in figures


async def test_a_region_that_knows_no_primary(server: Server) -> None:
    """It writes nothing, so what it reads is a replica; how far behind, it cannot know."""
    async with copied(server, "seeded") as engine:
        async with serving(engine, region="nrt", primary_region="fra") as client:
            status = await Api(client, engine.name).data("status")
            assert "\naicompare_replication_lag_" not in (await client.get("/metrics")).text
        assert (status["region"], status["role"]) == ("nrt", "replica")
        assert status["replicationLag"] is status["replicationLagSeconds"] is None
        async with serving(engine, region="fra", primary_region="fra") as client:
            status = await Api(client, engine.name).data("status")
        assert (status["role"], status["replicationLag"]) == ("primary", 0)
