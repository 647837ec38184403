"""Two versions on one database: a column is renamed while both read and write, and none fails.

`last_used_at` of a token, which every write reads, becomes `used_at`: added beside the old one and
kept equal by triggers (expand), used by the next version, then taken away (contract).
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import httpx
import pytest

from tests.databases import reading
from tests.engines import ROOT, Engine, Server
from tests.pipeline.conftest import rows
from tests.processes import Serving, client, environment_of, run

pytestmark = pytest.mark.anyio

EXPAND = {
    "sqlite": """
ALTER TABLE tokens ADD COLUMN used_at TEXT;
UPDATE tokens SET used_at = last_used_at;
CREATE TRIGGER tokens_used_old AFTER UPDATE OF last_used_at ON tokens
WHEN new.last_used_at IS NOT new.used_at BEGIN
    UPDATE tokens SET used_at = new.last_used_at WHERE id = new.id;
END;
CREATE TRIGGER tokens_used_new AFTER UPDATE OF used_at ON tokens
WHEN new.used_at IS NOT new.last_used_at BEGIN
    UPDATE tokens SET last_used_at = new.used_at WHERE id = new.id;
END;
""",
    "postgres": """
ALTER TABLE tokens ADD COLUMN used_at text COLLATE "C";
UPDATE tokens SET used_at = last_used_at;
CREATE FUNCTION tokens_used() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.last_used_at IS DISTINCT FROM old.last_used_at THEN
        new.used_at := new.last_used_at;
    ELSE
        new.last_used_at := new.used_at;
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER tokens_used BEFORE UPDATE ON tokens
    FOR EACH ROW EXECUTE FUNCTION tokens_used();
""",
}
CONTRACT = {
    "sqlite": """
DROP TRIGGER tokens_used_old;
DROP TRIGGER tokens_used_new;
ALTER TABLE tokens DROP COLUMN last_used_at;
""",
    "postgres": """
DROP TRIGGER tokens_used ON tokens;
DROP FUNCTION tokens_used();
ALTER TABLE tokens DROP COLUMN last_used_at;
""",
}


def version(folder: Path, *steps: tuple[str, dict[str, str]]) -> str:
    """A checkout of the service; with migrations beyond its own it is one that uses them."""
    unused = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "migrations", folder / "migrations", ignore=unused)
    shutil.copytree(ROOT / "service", folder / "service")
    for number, (name, sql) in enumerate(steps, 9001):
        for dialect, up in sql.items():
            text = f"-- migrate:up additive:true\n{up}\n-- migrate:down\nSELECT 1;\n"
            (folder / "migrations" / dialect / f"{number}_{name}.sql").write_text(text)
    if steps:
        changed = 0
        for path in (folder / "service").rglob("*.py"):
            if "last_used_at" in (source := path.read_text()):
                path.write_text(source.replace("last_used_at", "used_at"))
                changed += 1
        assert changed, "the service has no last_used_at any more: rename another column here"
    return str(folder)


class Balancer:
    """Sends reads and writes to whichever versions serve, in turn; every answer must be good."""

    def __init__(self, token: str) -> None:
        self.serving: list[Serving] = []
        self.failed: list[str] = []
        self.written: dict[str, str] = {}
        self.answers = 0
        self.token = token
        # The write that was sent last.
        self.under_way = ("", "")
        self._numbers = count(1)

    def targets(self) -> Iterator[Serving]:
        while True:
            yield from list(self.serving)

    async def read(self) -> None:
        async with client() as http:
            for number, target in enumerate(self.targets()):
                paths = (f"/v1/models?pageSize={number % 400 + 1}", "/v1/status", "/v1/providers")
                await self._ask(http, "GET", target.url + paths[number % 3])
                await asyncio.sleep(0.01)

    async def write(self) -> None:
        async with client(60) as http:
            for target in self.targets():
                number = next(self._numbers)
                id, name = self.under_way = f"p{number % 20}", f"Name {number}"
                if await self._ask(http, "PUT", f"{target.url}/v1/providers/{id}", {"name": name}):
                    self.written[id] = name
                await asyncio.sleep(0.02)

    async def _ask(
        self, http: httpx.AsyncClient, method: str, url: str, body: dict[str, str] | None = None
    ) -> bool:
        try:
            headers = {"authorization": f"Bearer {self.token}"} if body else {}
            answer = await http.request(method, url, json=body, headers=headers)
        except httpx.TransportError as error:
            self.failed.append(f"{method} {url}: {error!r}")
            return False
        self.answers += 1
        if answer.status_code not in (200, 201):
            self.failed.append(f"{method} {url}: {answer.status_code} {answer.text}")
        return answer.status_code in (200, 201)


class Deployment:
    """Versions that follow each other behind a balancer."""

    def __init__(self, engine: Engine, log: Path) -> None:
        self.engine, self.log = engine, log
        self.processes: list[Serving] = []

    async def run(self, path: str, *command: str) -> str:
        return await run(command, self.environment(path))

    def environment(self, path: str) -> dict[str, str]:
        return environment_of(self.engine) | {"PYTHONPATH": path}

    async def create(self, path: str, name: str) -> str:
        """A new token."""
        made = await self.run(path, "token", "create", "--name", name, "--scope", "admin")
        return made.split()[-1]

    async def roll_out(self, path: str, balancer: Balancer) -> None:
        """Migrate with a version while the one before serves, then let both serve."""
        assert "applied" in await self.run(path, "migrate", "up")
        await asyncio.sleep(0.5)
        serving = Serving(self.environment(path), self.log)
        self.processes.append(serving)
        serving.start()
        await serving.ready()
        balancer.serving.append(serving)
        await asyncio.sleep(0.5)

    async def retire(self, balancer: Balancer) -> None:
        """Send the oldest process nothing more, then stop it."""
        old = self.processes.pop(0)
        balancer.serving.remove(old)
        await asyncio.sleep(0.3)
        assert await old.stop() == 0
        await asyncio.sleep(0.5)


@pytest.mark.parametrize("server", ["sqlite", "libsql", "postgres"], indirect=True)
async def test_a_column_is_renamed_while_two_versions_serve(
    server: Server, engine: Engine, tmp_path: Path
) -> None:
    one = version(tmp_path / "1")
    two = version(tmp_path / "2", ("expand", EXPAND))
    three = version(tmp_path / "3", ("expand", EXPAND), ("contract", CONTRACT))
    deployment = Deployment(engine, tmp_path / "log")
    await deployment.run(one, "migrate", "up", "--to", "1")
    balancer = Balancer("")
    tasks = []
    try:
        await deployment.roll_out(one, balancer)
        balancer.token = await deployment.create(one, "first")
        second = await deployment.create(one, "second")
        # One that writes: whose write came last is then known.
        tasks = [asyncio.create_task(work) for work in (balancer.read(), balancer.write())]
        await asyncio.sleep(0.5)
        await deployment.roll_out(two, balancer)
        # What the version before writes is read by the next.
        async with client() as http:
            path = f"{deployment.processes[0].url}/v1/providers/second"
            used = {"authorization": f"Bearer {second}"}
            assert (await http.put(path, json={"name": "S"}, headers=used)).status_code == 201
        assert "never" not in await deployment.run(two, "token", "list")
        await deployment.retire(balancer)
        await deployment.roll_out(three, balancer)
        await deployment.retire(balancer)
        assert not [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert "never" not in await deployment.run(three, "token", "list")
    finally:
        for process in deployment.processes:
            process.kill()
    assert balancer.failed == [], (tmp_path / "log").read_text()[-3000:]
    assert balancer.answers > 100
    async with reading(engine) as db:
        found = dict(await rows(db, "SELECT id, name FROM providers WHERE id <> 'second'"))
        # What was still on its way at the end may be there or not.
        assert found.items() - balancer.written.items() <= {balancer.under_way}
        with pytest.raises(Exception, match="last_used_at"):
            await rows(db, "SELECT last_used_at FROM tokens")
