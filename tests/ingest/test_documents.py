"""Documents that are not what they should be: one line, exit code 1, nothing written."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.commands import fetch
from tests.ingest.conftest import Here, Run

HTML = b"<!doctype html><html><body>Not found</body></html>"
BAD = [
    b"",
    b" \n",
    HTML,
    b"{",
    b"[" * 100_000,
    b"\xff\xfe\x00",
    b'{"data": [',
    b"[]",
    b"{}",
    b'{"a": {"b": 1}}',
    b'{"data": {"id": 1}}',
    b'[{"id": 1}]',
    b"null",
    b'{"a": 1e400}',
]


@pytest.mark.parametrize(
    "name", ["models-dev", "genai-prices", "litellm", "openrouter", "llmstats", "csv"]
)
@pytest.mark.parametrize("content", BAD, ids=lambda one: repr(one)[:20])
def test_bad_files(sqlite: Here, tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / "document"
    path.write_bytes(content)
    said = sqlite.ingest(name, "--file", str(path), code=1)
    assert said.err.startswith("aicompare: ")
    assert said.err.count("\n") == 1
    assert "unexpected" not in said.err
    assert str(path) in said.err
    assert len(said.err) < 500
    assert sqlite.rows("SELECT count(*) FROM pipeline_runs") == [(0,)]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("litellm", HTML, "is a web page, not JSON"),
        ("litellm", b'{"a": ', "is not JSON: input data was truncated"),
        ("litellm", b"x", "is not JSON: invalid character (byte 0)"),
        ("genai-prices", b"{}", "(genai-prices reads what https://github.com"),
        ("openrouter", b'{"data": 1}', "expected `array`, got `int` - at `$.data`"),
        ("csv", HTML, "is a web page, not CSV"),
        ("csv", b"id,nmae\nx,y\n", "did you mean name?"),
        ("csv", b"id,name\nx\n", "is cut short: line 2 has 1 cells, not 2"),
        ("csv", b'id,name\nx,"y\n', "is not CSV: line 2"),
        ("models-dev", b'{"x": {"id": "x"}}', "'models' is missing"),
    ],
)
def test_what_is_said(sqlite: Here, tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / "document"
    path.write_bytes(content)
    assert words in sqlite.ingest(name, "--file", str(path), code=1).err


def test_no_document(sqlite: Here, tmp_path: Path) -> None:
    assert "litellm needs --file or --url" in sqlite.ingest("litellm", code=1).err
    said = sqlite.ingest("litellm", "--file", str(tmp_path / "none"), code=1)
    assert "No such file" in said.err


@pytest.mark.parametrize(
    "arguments",
    [("nope",), ("csv", "--file", "a", "--url", "b"), ("csv", "--observed-on", "2025-02-30")],
)
def test_bad_usage(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("ingest", *arguments).code == 2


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/slow":
            time.sleep(2)
        self.send_response(404 if self.path == "/missing" else 200)
        self.end_headers()
        self.wfile.write(b"id,name\nacme,Acme\n" if self.path != "/large" else b"x" * 2000)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_document_from_the_network(
    sqlite: Here, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = sqlite.ingest("csv", "--url", f"{site}/table.csv")
    assert said.counts["providers"] == {"created": 1}
    assert "it answers 404" in sqlite.ingest("csv", "--url", f"{site}/missing", code=1).err
    assert "http:// or https://" in sqlite.ingest("csv", "--url", "file:///x", code=1).err
    closed = sqlite.ingest("csv", "--url", "http://127.0.0.1:1/x", code=1)
    assert "cannot be fetched" in closed.err
    monkeypatch.setattr(fetch, "LARGEST", 1000)
    assert "larger than" in sqlite.ingest("csv", "--url", f"{site}/large", code=1).err


@pytest.mark.anyio
async def test_a_document_that_does_not_come(site: str) -> None:
    with pytest.raises(fetch.ServiceError, match=r"within 0\.2 s"):
        await fetch.from_url(f"{site}/slow", deadline=0.2)
