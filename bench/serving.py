"""Services in processes of their own, and what can be seen of them from outside."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engines import free_port

PATH = "/v1/models/anthropic/claude-sonnet-4-5"


@contextmanager
def served(target: str, *options: str, **environment: str) -> Iterator[str]:
    """An application on one Granian worker; its address."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--workers", "1"]
    command += ["--port", str(port), "--no-ws", "--log-level", "error", *options, target]
    with running(command, port, **environment) as (address, _):
        yield address


@contextmanager
def service(**settings: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`aicompare serve` with settings: its address, and the process that watches the worker."""
    port = free_port()
    program = str(Path(sys.executable).with_name("aicompare"))
    environment = {f"AICOMPARE_{name.upper()}": value for name, value in settings.items()}
    environment = {"AICOMPARE_LOG_LEVEL": "error", **environment}
    command = [program, "serve", "--port", str(port)]
    with running(command, port, ready="/health/live", **environment) as started:
        yield started


@contextmanager
def running(
    command: list[str], port: int, ready: str = PATH, **environment: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server program from its first answer on."""
    process = subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 60
        while True:
            try:
                ask(address, ready)
                break
            except OSError:
                assert process.poll() is None, f"{command} ended: {process.returncode}"
                assert time.monotonic() < until, f"{command} does not answer"
                time.sleep(0.005)
        yield address, process
    finally:
        process.terminate()
        process.wait(30)


def ask(address: str, path: str = PATH) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body of the answer."""
    request = urllib.request.Request(address + path, headers={"accept-encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return [(name.lower(), value) for name, value in response.getheaders()], response.read()


def metric(address: str, name: str) -> float:
    """The value of a metric, with its labels as `name` has them."""
    _, text = ask(address, "/metrics")
    found = re.search(rf"^{re.escape(name)} ([0-9.e+]+)$", text.decode(), re.MULTILINE)
    assert found, f"no metric {name}"
    return float(found[1])


def memory(process: subprocess.Popen[bytes]) -> float:
    """MiB of a program and its workers, what they share counted once."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return sum(
        int(line.split()[1]) / 1024
        for pid in (process.pid, *children)
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        if line.startswith("Pss:")
    )
