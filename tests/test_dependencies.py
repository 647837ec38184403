"""What is installed is what was locked, from the index alone; vulnerabilities fail the audit."""

from __future__ import annotations

import json
import subprocess
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.engines import ROOT, free_port

LOCKED: list[dict[str, Any]] = tomllib.loads((ROOT / "uv.lock").read_text())["package"]


def test_every_python_package_is_pinned_by_hash() -> None:
    own, others = [], []
    for package in LOCKED:
        (own if package["name"] == "aicompare" else others).append(package)
    assert [one["source"] for one in own] == [{"editable": "."}]
    assert len({one["source"]["registry"] for one in others}) == 1, "all from one index"
    for package in others:
        assert set(package["source"]) == {"registry"}, package["name"]
        files = [*package.get("wheels", ()), *filter(None, [package.get("sdist")])]
        assert files, package["name"]
        for file in files:
            assert file["hash"].startswith("sha256:"), package["name"]
            assert len(file["hash"]) == 71


def test_every_npm_package_is_pinned_by_hash() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for name, package in packages.items():
        if name:
            assert package["integrity"].startswith("sha512-"), name
            assert package.get("link") is None, name


@contextmanager
def advisories(*vulnerable: str) -> Iterator[str]:
    """A service that knows of vulnerabilities in these packages, as OSV answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            known = {"vulns": [{"id": "TEST-1", "modified": "2026-01-01T00:00:00Z"}]}
            names = [query["package"]["name"] for query in body["queries"]]
            assert len(names) > 50
            self._reply({"results": [known if name in vulnerable else {} for name in names]})

        def do_GET(self) -> None:
            moment = "2026-01-01T00:00:00Z"
            self._reply({"id": "TEST-1", "modified": moment, "summary": "planted", "affected": []})

        def _reply(self, answer: object) -> None:
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def audit(url: str, *more: str) -> tuple[int, str]:
    """The exit code of `make audit`, and what it printed."""
    done = subprocess.run(
        ["make", "audit", f"AUDIT_URL={url}", *more],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_the_audit_passes_and_fails_by_what_is_known() -> None:
    with advisories() as url:
        assert audit(url, "AUDIT=required")[0] == 0
    with advisories("click") as url:
        code, printed = audit(url)
    assert code != 0
    assert "click" in printed


@pytest.mark.parametrize(("more", "passes"), [([], True), (["AUDIT=required"], False)])
def test_an_audit_that_could_not_be_made_says_so(more: list[str], passes: bool) -> None:
    code, printed = audit(f"http://127.0.0.1:{free_port()}", *more)
    assert (code == 0) == passes
    assert ("NOT DONE" in printed) == passes
