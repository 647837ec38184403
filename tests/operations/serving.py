"""The service as an operator starts it: `aicompare serve` in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.engines import HTTP, free_port


@contextmanager
def served(log: Path, *options: str, **settings: str) -> Iterator[str]:
    """Its address; settings are given without their prefix, output is in `log`."""
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AICOMPARE_")}
    environment |= {f"AICOMPARE_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-c", "from service.cli import main; main()", "serve"]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port), *options],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(400):
            assert process.poll() is None, log.read_text()
            try:
                HTTP.get(f"{address}/health/live")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
