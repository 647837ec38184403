"""The databases that are measured, and the tables at the end.

`--floors` measures the real size alone, on all engines, and fails where a floor is lost; otherwise
nothing fails but what is wrong, and the tables say what misses its target.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from bench import dataset
from bench.loading import load
from bench.workload import Names
from service.storage.database import Database, DatabaseOptions
from service.storage.opening import open_database
from tests.conftest import Servers, servers
from tests.engines import Engine, Server

__all__ = ["servers"]

RESULTS: Final = Path(__file__).parent / "results"
ENGINES: Final = ("sqlite", "libsql-replica", "postgres")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bench")
    group.addoption(
        "--floors", action="store_true", help="real size, all engines: fail where a floor is lost"
    )
    group.addoption(
        "--scale", type=int, action="append", choices=dataset.SCALES, help="measure this size only"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each engine at each size; only a SQLite file at the largest."""
    if "case" in metafunc.fixturenames:
        scales = [1] if metafunc.config.getoption("floors") else None
        scales = scales or metafunc.config.getoption("scale") or list(dataset.SCALES)
        cases = [(e, n) for e in ENGINES for n in scales if e == "sqlite" or n <= 10]
        ids = [f"{engine}-{scale}x" for engine, scale in cases]
        metafunc.parametrize("case", cases, indirect=True, ids=ids, scope="session")


class Case(NamedTuple):
    """A catalogue to ask: its engine, size, ids, an open database, and a way to run its calls."""

    engine: str
    scale: int
    names: Names
    database: Database
    run: Callable[[Any], Any]


@pytest.fixture(scope="session")
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
        # Not `runner.run`: it writes out each answer, with which its handler of signals is named.
        yield Case(engine, scale, names, database, runner.get_loop().run_until_complete)
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


@dataclass
class Figures:
    """What was measured beside the queries, and what it should be: a line of the table each."""

    lines: list[Figure] = field(default_factory=list)

    def add(
        self,
        what: str,
        value: float,
        unit: str,
        *,
        most: float | None = None,
        least: float | None = None,
    ) -> None:
        """Take down a value that should be `most` at the most or `least` at the least."""
        self.lines.append(Figure(what, value, unit, most, least))


@dataclass(frozen=True)
class Figure:
    """One value with its target, if it has one."""

    what: str
    value: float
    unit: str
    most: float | None
    least: float | None

    def target(self) -> str:
        """The target and whether it is met."""
        if self.most is None and self.least is None:
            return ""
        met = self.value <= self.most if self.most is not None else self.value >= (self.least or 0)
        sign, bound = ("<=", self.most) if self.most is not None else (">=", self.least)
        return f"{sign} {bound:g} {'pass' if met else 'MISS'}"


_FIGURES: Final = pytest.StashKey[Figures]()
_BEFORE: Final = pytest.StashKey[dict[str, float]]()


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> Figures:
    """Where a benchmark puts what it found."""
    return pytestconfig.stash[_FIGURES]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FIGURES] = Figures()
    config.stash[_BEFORE] = _last_results()


def _last_results() -> dict[str, float]:
    """p95 in milliseconds by benchmark, and figures, of the runs that were saved last."""
    found: dict[str, float] = {}
    for file in sorted(RESULTS.glob("*/*.json"), key=lambda file: file.stat().st_mtime):
        for b in json.loads(file.read_text())["benchmarks"]:
            if "p95" in b["extra_info"]:
                found[b["fullname"]] = b["extra_info"]["p95"]
    if (file := RESULTS / "figures.json").exists():
        found |= {what: line["value"] for what, line in json.loads(file.read_text()).items()}
    return found


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """A line per query, engine and size, and one per other figure."""
    write = terminalreporter.write_line
    session = getattr(config, "_benchmarksession", None)
    measured = [b for b in session.benchmarks if "p95" in b.extra_info] if session else []
    before, lines = config.stash[_BEFORE], config.stash[_FIGURES].lines
    if measured or lines:
        load = os.getloadavg()[1]
        machine = platform.processor() or platform.machine()
        write(f"\n{machine}, {os.cpu_count()} cores, load of the last 5 minutes {load:.1f}")
    if measured:
        write(
            f"{'query, ms':<16}{'engine':<16}{'size':>5}{'p50':>9}{'p95':>9}{'p99':>9}"
            f"{'CPU p95':>9}{'last p95':>10}{'floor':>7}      {'goal':>5}"
        )
    for b in measured:
        info = b.extra_info
        cpu = f"{info['cpu']:9.2f}" if info["engine"] == "sqlite" else " " * 9
        goal = "" if info["goal"] is None else f"{info['goal']:>5g} {_verdict(info, 'goal')}"
        write(
            f"{info['query']:<16}{info['engine']:<16}{info['scale']:>4}x{info['p50']:9.2f}"
            f"{info['p95']:9.2f}{info['p99']:9.2f}{cpu}{_last(before, b.fullname, 10)}"
            f"{info['floor']:>7g} {_verdict(info, 'floor')} {goal}"
        )
    if lines:
        write(f"\n{'figure':<64}{'value':>10}{'last':>10}  unit    target")
    for line in lines:
        last = _last(before, line.what, 10)
        write(f"{line.what:<64}{line.value:10.2f}{last}  {line.unit:<7} {line.target()}")
    if lines:
        RESULTS.mkdir(exist_ok=True)
        file = RESULTS / "figures.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        known |= {line.what: asdict(line) for line in lines}
        file.write_text(json.dumps(known, indent=1))


def _last(before: dict[str, float], name: str, width: int) -> str:
    return f"{before[name]:{width}.2f}" if name in before else " " * width


def _verdict(info: dict[str, Any], target: str) -> str:
    return "pass" if info["p95"] <= info[target] else "MISS"
