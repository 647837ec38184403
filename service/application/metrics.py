"""The figures of the service: what was counted, and what is looked up when they are asked for."""

from __future__ import annotations

import asyncio
import datetime
import os
import resource
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final

import service
from service.application.cache import Cache
from service.application.status import age
from service.application.stream import Streams
from service.errors import ServiceError
from service.metrics import Family, Registry
from service.storage import status
from service.storage.database import Database
from service.storage.figures import Figures, figures, webhook_figures

# Seconds that the database is not asked again for its figures.
_KEPT: Final = 5.0
# Seconds between two times that a process tells the others its figures.
_TOLD: Final = 1.0

# Until when all that was written has been sent on; None where nobody knows at present.
SentUntil = Callable[[], Awaitable[datetime.datetime | None]]


@dataclass(slots=True, eq=False)
class Metrics:
    """What `/metrics` shows."""

    registry: Registry
    reader: Database
    primary: Database | None
    # Where this process is one of those that look after it.
    writer: Database | None
    cache: Cache[Any]
    streams: Streams
    clock: Callable[[], datetime.datetime]
    pools: dict[str, int]
    # Where Litestream follows the database.
    sent_until: SentUntil | None = None
    _asked_at: float = -_KEPT
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def text(self) -> str:
        """In Prometheus' text format. A database that is away is one of the figures, no error."""
        async with self._asking:
            if monotonic() - self._asked_at >= _KEPT:
                await self._ask()
                if self.writer is not None:
                    await self._ask_writer(self.writer)
                if self.sent_until is not None:
                    await self._ask_sent(self.sent_until)
                self._asked_at = monotonic()
        self._look()
        self.registry.share()
        return self.registry.text()

    async def tell(self) -> None:
        """Tell the other processes of this machine, forever."""
        while True:
            self._look()
            self.registry.share()
            await asyncio.sleep(_TOLD)

    def _look(self) -> None:
        """What this process has now."""
        gauge, memory = self.registry.gauge, self.cache.memory
        counted = self.registry.counter(
            "aicompare_cache_answers_total", "Answers by where they came from.", "state"
        )
        counters = self.cache.counters
        for state in ("hit", "miss", "stale"):
            number = {"hit": counters.hits, "miss": counters.misses, "stale": counters.stale}[state]
            counted.set(number, state)
        self.registry.counter(
            "aicompare_cache_evictions_total", "Answers that made room for others."
        ).set(memory.evictions)
        for name, help, value in (
            ("aicompare_cache_entries", "Answers kept.", len(memory)),
            ("aicompare_cache_bytes", "Bytes kept.", memory.bytes),
            ("aicompare_streams", "Streams of changes that are open.", self.streams.count),
            ("aicompare_streams_limit", "Streams that may be open.", self.streams.limit),
            ("aicompare_processes", "Processes that these figures are of.", 1),
        ):
            gauge(name, help, across="sum").set(value)
        pool = gauge(
            "aicompare_database_pool_size", "Connections to a database at most.", "database",
            across="sum",
        )  # fmt: skip
        for role, size in self.pools.items():
            pool.set(size, role)
        gauge("aicompare_build_info", "Version of the service.", "version").set(
            1, service.__version__
        )
        _look_at_process(self.registry)

    async def _ask(self) -> None:
        """What the databases say."""
        up = self.registry.gauge("aicompare_database_up", "Whether a database answers.", "database")
        try:
            found = await figures(self.reader)
        except ServiceError:
            up.set(0, "reader")
        else:
            up.set(1, "reader")
            self._tell_figures(found)
            await self._ask_primary(up, found.revision)

    async def _ask_writer(self, writer: Database) -> None:
        """What is told where writes go: by the processes there alone."""
        gauge = self.registry.gauge
        up = gauge("aicompare_database_up", "Whether a database answers.", "database")
        try:
            found = await webhook_figures(writer)
        except ServiceError:
            up.set(0, "writer")
            return
        up.set(1, "writer")
        for name, help, value in (
            ("webhooks", "Webhooks.", found.webhooks),
            ("webhooks_failing", "Webhooks whose last attempts failed.", found.failing),
            ("webhooks_paused", "Webhooks that are not sent to any more.", found.paused),
            ("webhook_deliveries_pending", "Deliveries on their way.", found.pending),
        ):
            gauge(f"aicompare_{name}", help).set(value)

    async def _ask_sent(self, sent_until: SentUntil) -> None:
        """How far Litestream has come: while it does not tell, what it told last."""
        series = self.registry.gauge(
            "aicompare_litestream_sent_timestamp_seconds",
            "Until when Litestream has sent all that was written; 0 for never.",
        ).of()
        if until := await sent_until():
            series[0] = until.timestamp()

    async def _ask_primary(self, up: Family, revision: int) -> None:
        """How far the database that is read is behind: unknown while the primary is away."""
        gauge = self.registry.gauge
        revisions = gauge(
            "aicompare_replication_lag_revisions",
            "Changes that the primary has and the database that is read has not.",
        )
        seconds = gauge("aicompare_replication_lag_seconds", "Age of the oldest of those changes.")
        if self.primary is None:
            if self.writer is not None:  # else this region reads a replica of nobody knows whom
                revisions.set(0)
                seconds.set(0)
            return
        try:
            behind, since = await status.behind(self.primary, revision)
        except ServiceError:
            up.set(0, "primary")
            revisions.series.clear()
            seconds.series.clear()
        else:
            up.set(1, "primary")
            revisions.set(behind)
            seconds.set(age(since, self.clock()))

    def _tell_figures(self, found: Figures) -> None:
        gauge = self.registry.gauge
        for name, help, value in (
            ("revision", "Number of the newest change in the database that is read.",
             found.revision),
            ("held_prices", "Prices that wait for a decision.", found.held),
            ("locks", "Fields that ingest leaves alone.", found.locks),
            ("backup_last_success_timestamp_seconds",
             "When the last backup was begun that was proved good; 0 for never.",
             _seconds(found.backup.good_at)),
            ("backup_last_failed", "Whether the last backup failed.",
             int(found.backup.error is not None)),
            ("backup_size_bytes", "Size of the last good backup.", found.backup.size or 0),
            ("last_change_timestamp_seconds", "When the newest change was made.",
             _seconds(found.changed_at)),
        ):  # fmt: skip
            gauge(f"aicompare_{name}", help).set(value)
        rows = gauge("aicompare_rows", "Rows that are not deleted.", "table")
        for table in ("providers", "models", "pricing", "benchmarks"):
            rows.set(getattr(found.counts, table), table)
        runs = gauge("aicompare_runs", "Pipeline runs by outcome.", "status")
        ended = gauge(
            "aicompare_run_completed_timestamp_seconds",
            "When the last run with an outcome ended; 0 for never.",
            "status",
        )
        counts = {"running": 0, "success": 0, "failed": 0} | {
            r.status: r.number for r in found.runs
        }
        moments = {run.status: _seconds(run.completed_at) for run in found.runs}
        for outcome, count in counts.items():
            runs.set(count, outcome)
            if outcome != "running":
                ended.set(moments.get(outcome, 0), outcome)


def _seconds(moment: str | None) -> float:
    return 0 if moment is None else datetime.datetime.fromisoformat(moment).timestamp()


def _look_at_process(registry: Registry) -> None:
    """What client libraries of Prometheus tell of a process, under the same names."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    registry.counter(
        "process_cpu_seconds_total", "Seconds of processor time, user and system."
    ).set(usage.ru_utime + usage.ru_stime)
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        boot = next(
            int(line.split()[1])
            for line in Path("/proc/stat").read_text().splitlines()
            if line.startswith("btime")
        )
        files = len(os.listdir("/proc/self/fd"))
    except OSError:  # not Linux
        return
    for name, help, value in (
        ("process_resident_memory_bytes", "Memory in use.", pages * resource.getpagesize()),
        ("process_open_fds", "Files and connections that are open.", files),
    ):
        registry.gauge(name, help, across="sum").set(value)
    registry.gauge(
        "process_start_time_seconds", "When the process started; of several, the first.",
        across="min",
    ).set(boot + started / os.sysconf("SC_CLK_TCK"))  # fmt: skip
