"""A hit against a bare ASGI application and a Litestar handler that answer the same bytes.

Requests a second by `wrk` at 32 connections on one worker each, measured in turns on one machine:
what counts is the ratio of medians, not the figures themselves.
"""

from __future__ import annotations

import json
import re
import shutil
import statistics
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench import dataset
from bench.conftest import Figures
from bench.serving import PATH, ask, served

ROUNDS, SECONDS = 7, 2
# Header lines that are the server's own, for one connection.
_SERVERS = {"connection", "date", "server"}
AGAINST_BARE, AGAINST_HANDLER = 0.85, 1.4

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")


def rate(address: str, *headers: str) -> float:
    """Requests a second; fails on any answer that is an error."""
    command = ["wrk", "-t1", "-c32", f"-d{SECONDS}s", "-H", "Accept-Encoding: gzip"]
    for header in headers:
        command += ["-H", header]
    printed = subprocess.run(
        [*command, address + PATH], capture_output=True, text=True, check=True
    ).stdout
    assert "Non-2xx" not in printed, printed
    found = re.search(r"Requests/sec:\s+([0-9.]+)", printed)
    assert found, printed
    return float(found[1])


@needs_wrk
def test_hit(tmp_path: Path, figures: Figures) -> None:
    """A hit and a 304, each against both."""
    body = tmp_path / "body"
    with ExitStack() as stack:
        ours = stack.enter_context(
            served(
                "service.app:from_environment",
                "--factory",
                AICOMPARE_DATABASE_URL=f"file:{dataset.path(1)}",
            )
        )
        ask(ours)
        head, answer = ask(ours)
        assert dict(head)["x-cache"] == "hit"
        etag = dict(head)["etag"]
        body.write_bytes(answer)
        # The server itself adds these.
        head = [(name, value) for name, value in head if name not in _SERVERS]
        same = {"BENCH_BODY": str(body), "BENCH_HEADERS": json.dumps(head)}
        bare = stack.enter_context(served("bench.bare:constant", **same))
        handler = stack.enter_context(served("bench.bare:handler", **same))
        rates: dict[str, list[float]] = {"hit": [], "304": [], "bare": [], "handler": []}
        for _ in range(ROUNDS):
            rates["hit"].append(rate(ours))
            rates["bare"].append(rate(bare))
            rates["304"].append(rate(ours, f"If-None-Match: {etag}"))
            rates["handler"].append(rate(handler))
    median = {name: statistics.median(values) for name, values in rates.items()}
    for name, value in median.items():
        figures.add(f"{name}, 32 connections", value, "req/s")
    figures.add("hit / bare ASGI", median["hit"] / median["bare"], "", least=AGAINST_BARE)
    figures.add("304 / bare ASGI", median["304"] / median["bare"], "", least=AGAINST_BARE)
    figures.add(
        "hit / Litestar handler", median["hit"] / median["handler"], "", least=AGAINST_HANDLER
    )
    # A loaded machine may miss a bar; a path that went through the framework misses it by far.
    assert median["hit"] / median["bare"] > 0.6
