"""Keys, tokens and certificates as the real libSQL server takes them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.errors import ServiceError
from service.operations.keys import make_keys, read_key
from tests.engines import Sqld, pipeline

WRITE = "CREATE TABLE IF NOT EXISTS t (x)"


def run(*arguments: str, status: int = 0) -> str:
    """What `aicompare libsql` prints."""
    done = subprocess.run(
        [sys.executable, "-c", "from service.cli import main; main()", "libsql", *arguments],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sqld]:
    """A server that checks tokens by keys that the command made."""
    run("keys", str(tmp_path / "keys"))
    made = Sqld(tmp_path / "data", tmp_path / "keys" / "libsql.pem")
    made.start()
    yield made
    made.kill()


def token(server: Sqld, *options: str) -> str:
    key = server.public_key.with_suffix(".key")
    return run("token", "--key", str(key), *options).strip()


def allowed(server: Sqld, token: str, statement: str) -> bool:
    try:
        (result,) = pipeline(server.url, token, statement)
    except httpx.HTTPStatusError as error:
        if error.response.status_code in (401, 403):
            return False
        raise
    return bool(result["type"] == "ok")


def test_tokens_let_read_or_write(server: Sqld) -> None:
    reader, writer = token(server, "--access", "ro"), token(server, "--access", "rw")
    assert allowed(server, writer, WRITE)
    assert allowed(server, reader, "SELECT 1 FROM t")
    for statement in (WRITE, "INSERT INTO t VALUES (1)", "DROP TABLE t", "DELETE FROM t"):
        assert not allowed(server, reader, statement)
    lasting = token(server, "--access", "rw", "--expires", "1")
    assert allowed(server, lasting, "INSERT INTO t VALUES (1)")
    assert not allowed(server, lasting[:-4] + "AAAA", "SELECT 1")


def test_keys_are_private_and_not_overwritten(server: Sqld) -> None:
    private = server.public_key.with_suffix(".key")
    assert private.stat().st_mode & 0o777 == 0o600
    content = private.read_bytes()
    assert "--rotate" in run("keys", str(private.parent), status=1)
    assert private.read_bytes() == content


def test_rotated_keys_leave_tokens_good(server: Sqld) -> None:
    before = token(server, "--access", "rw")
    make_keys(server.public_key.parent, rotate=True)
    after = token(server, "--access", "rw")
    assert not allowed(server, after, WRITE), "the server has not read the new key yet"
    server.kill()
    server.start()
    assert allowed(server, before, WRITE)
    assert allowed(server, after, WRITE)


def test_what_is_no_key_is_told(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="`aicompare libsql keys` makes it"):
        read_key(tmp_path / "none")
    for content in ("nonsense", ""):
        (tmp_path / "bad").write_text(content)
        with pytest.raises(ServiceError, match="no Ed25519 key"):
            read_key(tmp_path / "bad")


def test_certificates(tmp_path: Path) -> None:
    """That regions follow each other by them, and nobody else, is in `test_regions`."""
    folder = tmp_path / "tls"
    run("certificates", str(folder))
    assert sorted(one.name for one in folder.iterdir()) == ["ca.pem", "cert.pem", "key.pem"]
    assert (folder / "key.pem").stat().st_mode & 0o777 == 0o600
    assert "already" in run("certificates", str(folder), status=1)
