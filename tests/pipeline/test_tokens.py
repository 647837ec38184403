"""Tokens: who is let in, who is not, and what is said then."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.application import tokens
from service.commands.migrate import migrate
from service.commands.token import token as command
from service.errors import Conflict, InvalidRequest, NotFound
from service.storage.database import Database
from tests.engines import Engine
from tests.pipeline.conftest import Clock, Writer, rows, writer_of

pytestmark = pytest.mark.anyio


async def refused(api: Writer, token: str | None, status: int = 401) -> tuple[str, str]:
    response = await api.raw("POST", "pipeline/runs", {}, token=token)
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert response.json()["data"] is None
    return error["message"], response.headers["www-authenticate"]


async def test_who_is_let_in(api: Writer, stored: Database, clock: Clock) -> None:
    message, challenge = await refused(api, None)
    assert message == "a token is needed: send `Authorization: Bearer TOKEN`"
    assert challenge == 'Bearer realm="aicompare"'
    for wrong in ("x", "aic_0123456789ab_" + "A" * 43, api.admin[:-1] + "!", api.admin + "x"):
        message, _ = await refused(api, wrong)
        assert message == "the token is unknown: `aicompare token create` makes one"
    swapped = api.admin[:17] + api.pipeline[17:]
    assert "unknown" in (await refused(api, swapped))[0]
    await api.send("POST", "pipeline/runs", {}, status=201, token="admin")
    await api.send("POST", "pipeline/runs", {}, status=201, token="pipeline")

    short = await tokens.create(stored, "short", "admin", clock(), datetime.timedelta(days=1))
    await api.send("POST", "pipeline/runs", {}, status=201, token=str(short))
    clock.now += datetime.timedelta(days=1)
    assert "expired at" in (await refused(api, str(short)))[0]

    await tokens.revoke(stored, "short", clock())
    assert (await refused(api, str(short)))[0] == "the token was revoked"
    with pytest.raises(NotFound):
        await tokens.revoke(stored, "short", clock())


async def test_a_scope_that_is_too_small(api: Writer) -> None:
    response = await api.raw("DELETE", "providers/acme", token="pipeline")
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "forbidden"
    assert "has scope pipeline: this needs admin" in response.json()["error"]["message"]
    assert "insufficient_scope" in response.headers["www-authenticate"]


async def test_reads_need_no_token(api: Writer) -> None:
    assert (await api.raw("GET", "providers", token=None)).status_code == 200
    assert (await api.raw("GET", "pipeline/runs", token=None)).status_code == 401
    assert (await api.raw("GET", "locks", token=None)).status_code == 401


async def test_the_secret_is_not_kept(api: Writer, stored: Database) -> None:
    for row in await rows(stored, "SELECT * FROM tokens"):
        assert not any(secret[17:] in str(row) for secret in (api.admin, api.pipeline))


async def test_use_is_recorded_once_a_minute(api: Writer, stored: Database, clock: Clock) -> None:
    async def used() -> set[str | None]:
        return {value for (value,) in await rows(stored, "SELECT last_used_at FROM tokens")}

    async def revision() -> int:
        return (await api.send("GET", "status"))["meta"]["revision"]

    assert await used() == {None}
    before = await revision()
    await api.send("GET", "pipeline/runs")
    first = (await used()) - {None}
    assert len(first) == 1
    clock.now += datetime.timedelta(seconds=30)
    await api.send("GET", "pipeline/runs")
    assert (await used()) - {None} == first
    clock.now += datetime.timedelta(seconds=31)
    await api.send("GET", "pipeline/runs")
    assert (await used()) - {None} != first
    assert await revision() == before


async def test_names(stored: Database, clock: Clock) -> None:
    await tokens.create(stored, "nightly", "pipeline", clock())
    with pytest.raises(Conflict, match="there is a token nightly already"):
        await tokens.create(stored, "nightly", "admin", clock())
    await tokens.revoke(stored, "nightly", clock())
    await tokens.create(stored, "nightly", "admin", clock())
    for name in ("", "sql", "seed", "environment", " a", "a b", "-a"):
        with pytest.raises(InvalidRequest):
            await tokens.create(stored, name, "admin", clock())


async def test_a_token_of_the_environment(database: Engine, clock: Clock) -> None:
    secret = "a-secret-of-thirty-two-characters"
    async with writer_of(database, clock, bootstrap_token=secret) as api:
        await api.send("PUT", "providers/acme", {"name": "Acme"}, status=201, token=secret)
        [change] = await api.get("changes")
        assert change["actor"] == "environment"
        assert "unknown" in (await refused(api, secret + "x"))[0]


def test_the_command(tmp_path: Path) -> None:
    environment = {"AICOMPARE_DATABASE_URL": f"file:{tmp_path / 'a.db'}"}
    run = CliRunner().invoke
    assert run(migrate, ["up"], env=environment).exit_code == 0
    made = run(command, ["create", "--name", "ada", "--scope", "admin"], env=environment)
    assert made.exit_code == 0
    secret = made.stdout.strip()
    assert secret.startswith("aic_")
    run(
        command, ["create", "--name", "n", "--scope", "pipeline", "--expires", "3"], env=environment
    )
    listed = run(command, ["list"], env=environment).stdout
    assert "ada" in listed
    assert secret not in listed
    assert secret[17:] not in listed
    assert run(command, ["revoke", "ada"], env=environment).stdout == "revoked ada\n"
    assert "revoked" in run(command, ["list"], env=environment).stdout
    assert isinstance(run(command, ["revoke", "ada"], env=environment).exception, NotFound)
