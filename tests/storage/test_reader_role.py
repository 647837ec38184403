"""The role that docs/operations.md makes for Postgres: it reads all that is served, no secrets."""

from __future__ import annotations

import re

import pytest

from service.errors import ServiceError
from service.storage.database import Statement
from tests.databases import copied, reading, writing
from tests.engines import ROOT, Server
from tests.http.client import PATHS
from tests.http.conftest import serving

pytestmark = pytest.mark.anyio

SECRETS = ("tokens", "sessions", "sign_in_attempts", "idempotency_keys", "webhooks")


@pytest.mark.parametrize("server", ["postgres"], indirect=True)
async def test_the_reader(server: Server) -> None:
    [block] = re.findall(
        r"```sql\n(CREATE ROLE reader.*?)```", (ROOT / "docs/operations.md").read_text(), re.DOTALL
    )
    role, *grants = re.sub(r"--.*", "", block).strip().rstrip(";").split(";\n")
    assert role.startswith("CREATE ROLE reader")  # which the tests have already
    async with copied(server, "seeded") as engine:
        async with writing(engine) as owner:
            await owner.batch(
                Statement("test", "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM reader")
            )
            await owner.batch(*(Statement("test", sql.strip()) for sql in grants))
        async with reading(engine) as reader:
            await reader.fetch(Statement("test", "SELECT count(*) FROM models"))
            for table in SECRETS:
                with pytest.raises(ServiceError, match="lacks a right"):
                    await reader.fetch(Statement("test", f"SELECT count(*) FROM {table}"))
        async with serving(engine) as client:
            for path in PATHS:
                response = await client.get(path)
                assert response.status_code in (200, 404), (path, response.text)
            figures = (await client.get("/metrics")).text
            assert 'aicompare_database_up{database="reader"} 1\n' in figures
            assert "aicompare_revision " in figures
