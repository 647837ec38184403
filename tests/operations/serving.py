"""The service as an operator starts it: `aicompare serve` in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from tests.engines import HTTP, free_port, wait


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

    def answers() -> bool:
        with suppress(httpx.TransportError):
            return HTTP.get(f"{address}/health/live").status_code == 200
        return False

    try:
        wait(answers, process, log)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
