"""`make soak`: mixed load with random kills, then what is stored against what was acknowledged.

    python -m bench.soak [--seconds 600] [--engine sqlite|libsql|postgres] [--seed 1]

Readers ask kept and new questions, pipelines push batches under their keys, admins edit, listeners
follow the change log, while the service and the database server are killed at random. At the end
nothing acknowledged may be missing or there in part, the change log has no gap, each listener saw
all of it, and the service holds no more memory than it did once it was warm.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import shutil
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from service.storage.database import Database, Statement
from tests.databases import copied, writing
from tests.engines import LibsqlServer, PostgresServer, Server, start
from tests.processes import HEADERS, Serving, client, environment_of, run
from tests.pushing import SIZE, Pusher

ENGINES: Final = ("sqlite", "libsql", "postgres")
# MiB that a process may gain once it is warm: a growing file fills SQLite's page caches, of 8 MiB
# for each of its connections; all else is bounded by settings and small.
ALLOWED: Final = 64
_PAGES: Final = ("/v1/models?pageSize=20", "/v1/providers", "/v1/models?sort=name&pageSize=50")


@dataclass(slots=True)
class Soak:
    """One run on one engine."""

    server: Server
    serving: Serving
    pusher: Pusher
    seconds: float
    chance: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    edits: dict[str, str] = field(default_factory=dict)
    # Edits whose outcome is unknown: the answer was lost.
    doubtful: dict[str, set[str]] = field(default_factory=dict)
    # MiB, each second.
    memory: list[int] = field(default_factory=list)
    seen: list[list[int]] = field(default_factory=list)
    over: bool = False

    async def ask(self, http: httpx.AsyncClient, path: str, kind: str) -> None:
        begin = time.monotonic()
        try:
            answer = await http.get(self.serving.url + path)
        except httpx.TransportError:
            self.counts[f"{kind}, nobody there"] += 1
            await asyncio.sleep(0.05)
            return
        assert answer.status_code in (200, 503), answer.text
        self.counts[f"{kind}, {answer.status_code}"] += 1
        if answer.status_code == 200:
            self.latencies.append(time.monotonic() - begin)

    async def read_kept(self) -> None:
        async with client(30) as http:
            while not self.over:
                await self.ask(http, self.chance.choice(_PAGES), "kept reads")
                await asyncio.sleep(0.01)

    async def read_new(self) -> None:
        async with client(30) as http:
            while not self.over:
                size, page = self.chance.randint(1, 500), self.chance.randint(1, 20)
                await self.ask(http, f"/v1/models?pageSize={size}&page={page}", "new reads")
                await asyncio.sleep(0.02)

    async def edit(self, id: str) -> None:
        """One admin, who alone edits one provider, and so knows which name it has to have."""
        async with client(30) as http:
            number = 0
            while not self.over:
                number += 1
                name = f"Name {number}"
                path = f"{self.serving.url}/v1/providers/{id}"
                try:
                    answer = await http.put(path, json={"name": name}, headers=HEADERS)
                except httpx.TransportError:
                    self.doubtful.setdefault(id, set()).add(name)
                    await asyncio.sleep(0.1)
                    continue
                assert answer.status_code in (200, 201, 503), answer.text
                self.counts[f"edits, {answer.status_code}"] += 1
                if answer.status_code == 503:
                    self.doubtful.setdefault(id, set()).add(name)
                else:
                    self.edits[id] = name
                    self.doubtful[id] = set()
                await asyncio.sleep(0.05)

    async def listen(self) -> None:
        """Follow the change log over every break; its revisions."""
        revisions: list[int] = []
        self.seen.append(revisions)
        last = "0"
        timeout = httpx.Timeout(10, read=3)
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=timeout) as http:
            while True:
                url = f"{self.serving.url}/v1/changes/stream"
                try:
                    headers = {"last-event-id": last}
                    async with http.stream("GET", url, headers=headers) as answer:
                        assert answer.status_code in (200, 503)
                        event: dict[str, str] = {}
                        async for line in answer.aiter_lines():
                            name, _, value = line.partition(": ")
                            event[name] = value
                            if not line:  # an event counts once it is whole
                                last = event.get("id", last)
                                if "data" in event:
                                    revisions.append(json.loads(event["data"])["revision"])
                                event = {}
                except httpx.TransportError:
                    pass
                self.counts["streams begun anew"] += 1
                await asyncio.sleep(0.1)

    async def kill(self) -> None:
        """Kill the service, or the database under it, and start it again."""
        faults: list[tuple[str, Callable[[], None], Callable[[], None]]] = [
            ("service", self.serving.kill, self.serving.start)
        ]
        server = self.server
        if isinstance(server, LibsqlServer):
            primary = server.primaries()[-1]
            faults.append(("database", primary.kill, primary.start))
        elif isinstance(server, PostgresServer):
            faults.append(("database", lambda: server.stop(crash=True), server.start))
        every = min(20.0, self.seconds / 4)
        for name, stop, begin in itertools.cycle(faults):
            await asyncio.sleep(every * (0.5 + self.chance.random()))
            self.measure()
            stop()
            self.counts[f"{name} killed"] += 1
            await asyncio.sleep(self.chance.random())
            begin()
            await self.serving.ready(60)

    def measure(self) -> None:
        """Remember what the service holds."""
        if self.serving.process is None:
            return
        task = Path(f"/proc/{self.serving.process.pid}/task/{self.serving.process.pid}")
        for id in (task / "children").read_text().split():
            status = Path(f"/proc/{id}/status").read_text()
            held = [line for line in status.splitlines() if line.startswith("VmRSS:")]
            if held and "python" in Path(f"/proc/{id}/exe").resolve().name:
                self.memory.append(int(held[0].split()[1]) // 1024)

    async def watch_memory(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.measure()

    async def run(self) -> None:
        """All of it at once for so long; then let what is under way end."""
        await self.serving.ready(60)
        ending = [
            *(self.read_kept() for _ in range(4)),
            *(self.read_new() for _ in range(4)),
            *(self.edit(f"edited-{number}") for number in range(2)),
            *(self.pusher.run(lambda: not self.over, pause=0.3) for _ in range(2)),
        ]
        tasks = [asyncio.create_task(work) for work in ending]
        listeners = [asyncio.create_task(self.listen()) for _ in range(3)]
        others = [asyncio.create_task(work) for work in (self.kill(), self.watch_memory())]
        await asyncio.wait(
            [*tasks, *listeners, *others], timeout=self.seconds, return_when=asyncio.FIRST_COMPLETED
        )
        failed = [task for task in (*tasks, *listeners, *others) if task.done()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for task in failed:
            await task
        await self.begin_again()
        self.over = True
        await asyncio.gather(*tasks)
        await self.followed()
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)

    async def followed(self) -> None:
        """Return when the listeners have what there is, or have come no further for a while."""
        async with client(30) as http:
            status = (await http.get(f"{self.serving.url}/v1/status")).json()["data"]
        before: list[int] = []
        while (now := [len(one) for one in self.seen]) != before:
            if min(now) >= status["revision"]:
                return
            before = now
            await asyncio.sleep(10)

    async def begin_again(self) -> None:
        """Everything runs, whatever the last kill was in the middle of."""
        if isinstance(self.server, LibsqlServer):
            primary = self.server.primaries()[-1]
            if primary.process is None:
                primary.start()
        elif isinstance(self.server, PostgresServer) and self.server.process.poll() is not None:
            self.server.start()
        if self.serving.process is None:
            self.serving.start()
        await self.serving.ready(60)

    async def compare(self, db: Database) -> list[str]:
        """What is stored against what was acknowledged: whatever is wrong, in words."""
        providers, parts, log = await db.fetch(
            Statement("soak.providers", "SELECT id, name FROM providers"),
            Statement(
                "soak.parts",
                """
                SELECT m.provider_id, count(*), count(p.id) FROM models AS m
                LEFT JOIN pricing AS p ON p.model_id = m.id GROUP BY m.provider_id
                """,
            ),
            Statement("soak.log", "SELECT count(*), min(revision), max(revision) FROM changes"),
        )
        names = {str(id): str(name) for id, name in providers}
        wrong = []
        there = {int(id[1:]) for id in names if not id.startswith("edited")}
        if missing := set(self.pusher.acknowledged) - there:
            wrong.append(f"acknowledged and not there: batches {sorted(missing)}")
        if beyond := there - set(self.pusher.acknowledged):
            wrong.append(f"there and never acknowledged: batches {sorted(beyond)}")
        if partial := [row for row in parts if row[1:] != (SIZE, SIZE)]:
            wrong.append(f"there in part: {partial}")
        for id, name in self.edits.items():
            if names.get(id) not in {name, *self.doubtful.get(id, ())}:
                wrong.append(f"{id} is named {names.get(id)}, acknowledged was {name}")
        [(count, first, last)] = log
        if (first, last) != (1, count):
            wrong.append(f"the change log has gaps: {count} rows from {first} to {last}")
        for revisions in self.seen:
            if revisions != list(range(1, len(revisions) + 1)):
                wrong.append("a listener saw changes twice, out of order or not at all")
            elif len(revisions) != count:
                wrong.append(f"a listener saw {len(revisions)} of {count} changes")
        warm, last_held = self.held()
        if last_held - warm > ALLOWED:
            wrong.append(f"the service held {warm} MiB once warm and {last_held} at the end")
        return wrong

    def held(self) -> tuple[int, int]:
        """MiB in the first and in the last third of the time, at most."""
        third = max(1, len(self.memory) // 3)
        return max(self.memory[:third]), max(self.memory[-third:])

    def table(self) -> str:
        """What was done, in Markdown."""
        warm, last = self.held()
        steps = statistics.quantiles(self.latencies, n=100)
        rows = {
            **dict(sorted(self.counts.items())),
            "batches acknowledged": len(self.pusher.acknowledged),
            "batches refused, then taken": sum(self.pusher.refused.values()),
            "changes, seen by each listener": len(self.seen[0]),
            "reads, p50 and p99 in ms": f"{steps[49] * 1000:.1f}, {steps[98] * 1000:.1f}",
            "memory in MiB, first and last third": f"{warm}, {last}",
        }
        lines = [f"| {name} | {value} |" for name, value in rows.items()]
        return "\n".join([f"| {self.server.name} | |", "|---|---|", *lines])


async def soak(server: Server, folder: Path, seconds: float, seed: int) -> Soak:
    """Run on an engine; raises AssertionError with all that is wrong afterwards."""
    async with copied(server, "empty") as engine:
        settings = {
            "DATABASE_DEADLINE": "2",
            "DATABASE_WRITE_DEADLINE": "10",
            # Bounds that are soon reached, so that what grows beyond them is seen.
            "CACHE_BYTES": "4194304",
            "CACHE_ENTRIES": "500",
            "DATABASE_POOL_SIZE": "1",
        }
        serving = Serving(environment_of(engine, **settings), folder / "log")
        serving.start()
        one = Soak(server, serving, Pusher(serving.url), seconds, random.Random(seed))
        try:
            await one.run()
            async with writing(engine) as db:
                wrong = await one.compare(db)
            await run(["doctor"], serving.environment)
            assert not wrong, "\n".join([*wrong, one.table(), f"MiB each second: {one.memory}"])
            assert "Traceback" not in serving.log.read_text(), serving.log.read_text()[-3000:]
            assert await serving.stop() == 0
        finally:
            serving.kill()
        return one


def main() -> None:
    parser = argparse.ArgumentParser(description="Mixed load with random kills.")
    parser.add_argument("--seconds", type=float, default=600, help="in all")
    parser.add_argument("--engine", choices=ENGINES, action="append", help="default: all in turn")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    names = given.engine or ENGINES
    for name in names:
        root = Path(tempfile.mkdtemp(prefix="aicompare-soak-"))
        root.chmod(0o755)
        (root / name).mkdir()
        server = start(name, root / name)
        try:
            one = asyncio.run(soak(server, root, given.seconds / len(names), given.seed))
            print(f"{one.table()}\n", flush=True)
        finally:
            server.close()
            shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
