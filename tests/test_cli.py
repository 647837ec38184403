"""Whatever is wrong, the command line says it in one line and ends with a code, never a trace."""

from __future__ import annotations

import socket
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from service import cli
from tests.http.client import make_catalogue


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, **environment: str) -> str | int | None:
    """The exit code; settings are given without their prefix."""
    monkeypatch.setattr(sys, "argv", ["aicompare", *arguments])
    for name, value in environment.items():
        monkeypatch.setenv(f"AICOMPARE_{name}", value)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def serve(_: object) -> None:
        raise AssertionError("the server was started")

    monkeypatch.setattr("granian.Granian.serve", serve)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "catalogue.db"
    make_catalogue(path)
    return path


def check_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str, words: str
) -> None:
    code = run(monkeypatch, "serve", DATABASE_URL=url)
    message = capsys.readouterr().err
    assert code == 1
    assert message.startswith("aicompare: ")
    assert message.count("\n") == 1
    assert words in message


def test_a_missing_database(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    check_one_line(monkeypatch, capsys, f"file:{tmp_path / 'no.db'}", "run `aicompare migrate up`")


def test_an_empty_database(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "empty.db").touch()
    url = f"file:{tmp_path / 'empty.db'}"
    check_one_line(monkeypatch, capsys, url, "run `aicompare migrate up`")


def test_a_corrupt_database(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "bad.db").write_bytes(b"not a database" * 1000)
    check_one_line(monkeypatch, capsys, f"file:{tmp_path / 'bad.db'}", "is not a SQLite database")


def test_an_older_schema(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database: Path
) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM schema_migrations")
    check_one_line(monkeypatch, capsys, f"file:{database}", "run `aicompare migrate up`")


def test_an_unknown_kind_of_database(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    check_one_line(monkeypatch, capsys, "ftp://example", "unknown kind of database")
    check_one_line(monkeypatch, capsys, "http://[::1", "the database URL is wrong")


def test_a_locked_database(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database: Path
) -> None:
    monkeypatch.setenv("AICOMPARE_DATABASE_DEADLINE", "0.2")
    # The library that the service uses: two of them in one process do not see each other's locks.
    with closing(apsw.Connection(str(database))) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("DELETE FROM schema_migrations")
        check_one_line(monkeypatch, capsys, f"file:{database}", "locked")


def test_a_port_in_use(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code = run(monkeypatch, "serve", "--port", port, DATABASE_URL=f"file:{database}")
    assert code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err


def test_an_unknown_setting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(monkeypatch, "settings", DATABSE_URL="x")
    assert code == 1
    assert "did you mean AICOMPARE_DATABASE_URL?" in capsys.readouterr().err


def test_a_defect(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(cli.COMMANDS, "settings", "service.nowhere:nothing")
    code = run(monkeypatch, "settings")
    message = capsys.readouterr().err
    assert (code, message.count("\n")) == (1, 1)
    assert message.startswith("aicompare: unexpected ModuleNotFoundError")


@pytest.mark.parametrize("arguments", [["nope"], ["serve", "--port", "0"], ["serve", "--nope"]])
def test_bad_usage(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    assert run(monkeypatch, *arguments) == 2


def test_settings_are_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "settings", REGION="fra") == 0
    assert "AICOMPARE_REGION='fra'" in capsys.readouterr().out
