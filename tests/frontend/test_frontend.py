"""Clients as others write them, against a real service: a typed frontend, and README's Python."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.databases import copied
from tests.engines import HTTP, ROOT, Server
from tests.ingest.wire import serving

pytestmark = pytest.mark.anyio


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run to the end, with what it said."""
    # Not as a part of the `make` that runs the tests.
    environment = {name: v for name, v in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        list(map(str, command)), cwd=ROOT, env=environment, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="module")
def compiled() -> Path:
    """The example, compiled strictly against the types that `make client` writes."""
    shutil.rmtree(ROOT / "client", ignore_errors=True)
    made = run("make", "client")
    assert made.returncode == 0, made.stdout + made.stderr
    done = run(ROOT / "node_modules" / ".bin" / "tsc", "-p", ROOT / "tests" / "frontend")
    assert done.returncode == 0, done.stdout
    return ROOT / "client" / "example" / "tests" / "frontend"


@pytest.fixture
async def url(server: Server, tmp_path: Path) -> AsyncIterator[str]:
    async with copied(server, "seeded") as engine:
        with serving(engine, tmp_path / "log") as port:
            yield f"http://127.0.0.1:{port}"


def get(url: str, path: str, **params: Any) -> httpx.Response:
    response = HTTP.get(f"{url}/v1/{path}", params=params)
    assert response.status_code == 200, response.text
    return response


async def test_a_frontend(compiled: Path, url: str) -> None:
    done = run("node", compiled / "main.mjs", url)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    asked = {"supports": "vision,tools", "sort": "inputPrice,name", "pageSize": 3}
    listed = get(url, "models", **asked).json()
    assert shown["total"] == listed["meta"]["total"] > 3
    prices = [
        (model["id"], model["pricing"] and model["pricing"]["inputPrice"])
        for model in listed["data"]
    ]
    words = {None: "unknown", 0: "free"}
    assert shown["list"] == [[id, words.get(price, f"${price}")] for id, price in prices]
    workload = {"inputTokens": 100_000, "outputTokens": 2_000}
    ids = ",".join(id for id, _ in prices[:2])
    compared = get(url, "compare", ids=ids, **workload).json()["data"]
    assert shown["compared"] == [[one["id"], one["cost"]] for one in compared["models"]]
    assert shown["cheapest"] == compared["best"]["cost"] != []
    found = get(url, "search", q="claude").json()["data"]
    assert shown["found"] == [f"{one['kind']} {one['id']}" for one in found] != []
    assert shown["refused"] == ["invalid_request", "q must hold more than spaces"]


async def test_what_readme_shows_in_python(url: str, tmp_path: Path) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block.count("http://127.0.0.1:8000") == 1
    program = tmp_path / "example.py"
    program.write_text(block.replace("http://127.0.0.1:8000", url))
    done = run(sys.executable, program)
    assert done.returncode == 0, done.stderr
    asked = {"supports": "vision,tools", "sort": "inputPrice", "pageSize": 5}
    models = get(url, "models", **asked).json()["data"]
    assert [line.split()[0] for line in done.stdout.splitlines()] == [one["id"] for one in models]
    price = models[0]["pricing"]["inputPrice"]
    assert done.stdout.splitlines()[0].split()[1:] == ["free" if price == 0 else f"${price}"]
