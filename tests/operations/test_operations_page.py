"""What docs/operations.md shows can be run: its commands, settings, unit and compose file."""

from __future__ import annotations

import configparser
import contextlib
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from service.settings import VARIABLES, Settings
from tests.databases import copied
from tests.engines import ROOT, Server
from tests.operations.test_dockerfile import stages
from tests.operations.test_fly import parameters, seconds

PAGE = (ROOT / "docs" / "operations.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_settings_exist() -> None:
    named = set(re.findall(r"AICOMPARE_\w+", PAGE))
    assert named
    assert named <= set(VARIABLES)


def test_commands_exist() -> None:
    lines = re.findall(r"`(aicompare [^`…]*)`", PAGE)
    assert lines
    for line in lines:
        with contextlib.suppress(click.MissingParameter):  # named without what it is given
            parameters(line)


def test_the_unit(tmp_path: Path) -> None:
    [text] = blocks("ini")
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(text)
    service = unit["Service"]
    for name in ("ExecStartPre", "ExecStart"):
        program, *words = shlex.split(service[name])
        assert program == "/opt/aicompare/bin/aicompare"
        assert parameters(shlex.join(["aicompare", *words])) is not None
    variable, _, value = service["Environment"].partition("=")
    settings = Settings.from_environment({variable: value})
    state = f"/var/lib/{service['StateDirectory']}"
    assert settings.database_url == f"file:{state}/aicompare.db"
    assert service["WorkingDirectory"] == state
    assert int(service["TimeoutStopSec"]) >= 30
    if verify := shutil.which("systemd-analyze"):
        # The program is not installed here: any other one in its place.
        path = tmp_path / "aicompare.service"
        path.write_text(text.replace("/opt/aicompare/bin/aicompare", "/bin/true"))
        done = subprocess.run([verify, "verify", str(path)], capture_output=True, text=True)
        assert "aicompare.service" not in done.stderr, done.stderr


def test_the_compose_file() -> None:
    [text] = blocks("yaml")
    compose: dict[str, Any] = yaml.safe_load(text)
    service, migrate = compose["services"]["service"], compose["services"]["migrate"]
    for one in (service, migrate):
        assert parameters(shlex.join(one["command"]))["wait"]
    port = parameters(shlex.join(service["command"]))["port"]
    assert service["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert f":{port}/health/ready" in service["healthcheck"]["test"][-1]
    assert seconds(service["stop_grace_period"]) >= 30
    assert service["read_only"] is True
    assert stages()[-1].all("EXPOSE") == [str(port)]
    kinds = set(compose["services"]) | set(compose["volumes"]) | set(compose["secrets"])
    assert kinds == {"database", "migrate", "service", "owner"}


@pytest.mark.anyio
@pytest.mark.parametrize("server", ["postgres"], indirect=True)
async def test_the_reader_may_only_read(server: Server) -> None:
    """The page's own statements, on a real Postgres."""
    import psycopg

    [statements] = blocks("sql")
    # The role is there, for all databases of the tests.
    _, grants = statements.split(";", 1)
    async with copied(server, "empty") as engine:
        with psycopg.connect(engine.writer_url, autocommit=True) as owner:
            owner.execute(grants.encode())
            owner.execute("CREATE TABLE later (id int)")
        with psycopg.connect(engine.reader_url, autocommit=True) as reader:
            for table in ("models", "later"):
                reader.execute(f"SELECT * FROM {table}".encode())
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    reader.execute(f"DELETE FROM {table}".encode())
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute("SELECT * FROM tokens")
