"""The databases that are measured, and the table at the end.

`CI=true` measures the real size alone, on all engines, and fails where a floor is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from bench import dataset
from bench.loading import load
from bench.workload import Names
from service.storage.database import Database, DatabaseOptions, open_database
from tests.conftest import Servers, servers
from tests.engines import Engine, Server

__all__ = ["servers"]

CI: Final = os.environ.get("CI") == "true"
RESULTS: Final = Path(__file__).parent / "results"
# Engine and size.
CASES: Final = (
    [("sqlite", 1), ("libsql-replica", 1), ("postgres", 1)]
    if CI
    else [
        *(("sqlite", scale) for scale in dataset.SCALES),
        *((engine, scale) for engine in ("libsql-replica", "postgres") for scale in (1, 10)),
    ]
)


class Case(NamedTuple):
    """A catalogue to ask: its engine, size, ids, an open database, and a way to run its calls."""

    engine: str
    scale: int
    names: Names
    database: Database
    run: Callable[[Any], Any]


@pytest.fixture(scope="session", params=CASES, ids=lambda case: f"{case[0]}-{case[1]}x")
def case(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Case]:
    """Each engine at each size."""
    engine, scale = request.param
    file = dataset.path(scale)
    options = DatabaseOptions(deadline=30)
    with asyncio.Runner() as runner:
        if engine == "sqlite":
            database = open_database(f"file:{file}", options)
        else:
            server = servers(engine)
            copy = server.new()
            runner.run(load(file, copy))
            _settle(server, copy)
            options = DatabaseOptions(token=copy.reader_token, deadline=30)
            database = open_database(copy.reader_url, options)
        names = Names(file)
        # The ids are the bench's own: collecting garbage around them must not count.
        gc.collect()
        gc.freeze()
        yield Case(engine, scale, names, database, runner.run)
        runner.run(database.close())


def _settle(server: Server, engine: Engine) -> None:
    """Wait for a replica that has much to fetch."""
    for _ in range(20):
        with contextlib.suppress(TimeoutError):
            return server.settle(engine)
    raise TimeoutError("the replica does not catch up with its primary")


def percentile(timings: list[float], share: float) -> float:
    """The time in milliseconds that this share of the timings stays within."""
    ordered = sorted(timings)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_BEFORE] = _last_results()


_BEFORE = pytest.StashKey[dict[str, float]]()


def _last_results() -> dict[str, float]:
    """p95 in milliseconds by benchmark of the run that was saved last."""
    saved = max(RESULTS.glob("*/*.json"), key=lambda file: file.stat().st_mtime, default=None)
    if saved is None:
        return {}
    found = json.loads(saved.read_text())["benchmarks"]
    return {b["fullname"]: b["extra_info"]["p95"] for b in found if "p95" in b["extra_info"]}


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """A line per query, engine and size."""
    session = getattr(config, "_benchmarksession", None)
    measured = [b for b in session.benchmarks if "p95" in b.extra_info] if session else []
    if not measured:
        return
    write = terminalreporter.write_line
    write(f"\nmilliseconds, {platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    write(
        f"{'query':<16}{'engine':<16}{'size':>5}{'p50':>9}{'p95':>9}{'p99':>9}{'last p95':>10}"
        f"{'floor':>7}      {'goal':>5}"
    )
    for b in measured:
        info = b.extra_info
        before = config.stash[_BEFORE].get(b.fullname)
        last = f"{before:10.2f}" if before else " " * 10
        goal = "" if info["goal"] is None else f"{info['goal']:>5g} {_verdict(info, 'goal')}"
        write(
            f"{info['query']:<16}{info['engine']:<16}{info['scale']:>4}x{info['p50']:9.2f}"
            f"{info['p95']:9.2f}{info['p99']:9.2f}{last}{info['floor']:>7g} "
            f"{_verdict(info, 'floor')} {goal}"
        )


def _verdict(info: dict[str, Any], target: str) -> str:
    return "pass" if info["p95"] <= info[target] else "MISS"
