"""The service as a process of its own, as it is deployed: started, stopped, killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.engines import Engine, free_port, spawn

# The command line of whichever version is first on PYTHONPATH.
AICOMPARE = (sys.executable, "-c", "from service.cli import main; main()")
BOOTSTRAP = "bootstrap-" + "x" * 32
HEADERS = {"authorization": f"Bearer {BOOTSTRAP}"}


def environment_of(engine: Engine, **settings: str) -> dict[str, str]:
    """The variables for a service on a database; settings are given without their prefix."""
    given = {
        "DATABASE_URL": engine.reader_url,
        "PRIMARY_DATABASE_URL": engine.writer_url,
        "BOOTSTRAP_TOKEN": BOOTSTRAP,
        "LOG_LEVEL": "warning",
        **settings,
    }
    if engine.reader_token and engine.writer_token:
        given |= {"DATABASE_TOKEN": engine.reader_token}
        given |= {"PRIMARY_DATABASE_TOKEN": engine.writer_token}
    return {f"AICOMPARE_{name}": value for name, value in given.items()}


@dataclass(slots=True)
class Serving:
    """One process of the service; its port and its log outlive it."""

    environment: dict[str, str]
    log: Path
    # What it is run by, if not by itself.
    prefix: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it; call `ready` to know when it answers."""
        command = [*self.prefix, *AICOMPARE, "serve", "--port", str(self.port)]
        self.process = spawn(command, log=self.log, environment=self.environment)

    async def ready(self, seconds: float = 60, path: str = "/health/ready") -> None:
        """Return when it says that it can answer."""
        async with asyncio.timeout(seconds), client() as http:
            while True:
                assert self.process
                assert self.process.poll() is None, self.log.read_text()
                with suppress(httpx.TransportError):
                    if (await http.get(self.url + path)).status_code == 200:
                        return
                await asyncio.sleep(0.05)

    async def stop(self, seconds: float = 60) -> int:
        """Ask it to stop; its exit code."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(self.process.wait, seconds)
        self.process = None
        return code

    def kill(self) -> None:
        """End it and its workers at once, as a crash would."""
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


@asynccontextmanager
async def started(engine: Engine, log: Path, **settings: str) -> AsyncIterator[Serving]:
    """A service on a database, ready; gone afterwards."""
    serving = Serving(environment_of(engine, **settings), log)
    serving.start()
    try:
        await serving.ready()
        yield serving
    finally:
        serving.kill()


def client(timeout: float = 60) -> httpx.AsyncClient:
    """A client that leaves the environment's proxies and certificates alone."""
    return httpx.AsyncClient(trust_env=False, verify=False, timeout=timeout)


async def run(command: Sequence[str], environment: dict[str, str]) -> str:
    """Run a command of the service to its end; what it printed. Fails where it does."""
    process = await asyncio.create_subprocess_exec(
        *AICOMPARE,
        *command,
        cwd="/",
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()
