"""Runs the libSQL server and the service beside it, started and stopped in the right order.

The server first, then the migrations where it is the primary, then the service, which waits until
it can read. At a stop the service first, which answers what is under way, then the server. One that
dies is started again, less often each time, while the service goes on from what it keeps; when the
service ends, so does all.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Final

from service.operations.node import SERVER_STOPS, SERVICE_STOPS, Node

log = logging.getLogger(__name__)

# This very program, however it was found.
AICOMPARE: Final = (sys.executable, "-c", "from service.cli import main; main()")
# Seconds between an end of the server and its next start: the first, the longest. One that ran
# for longer than that begins anew.
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 10.0


async def supervise(node: Node, serve: Sequence[str], wait: float) -> int:
    """Run until the service ends or a signal asks for an end.

    `serve` are the service's arguments, `wait` the seconds that the database has to come up.
    Returns the exit code: 0 after a stop in order, else that of the part that failed.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stopping.set)
    server = asyncio.create_task(_keep(node))
    patience = ("--wait", f"{wait:g}")
    steps = [("migrate", "up", *patience)] if node.primary else []
    code = 0
    try:
        for step in (*steps, ("serve", *serve, *patience)):
            if not code and not stopping.is_set():
                code = await _run((*AICOMPARE, *step), node.service_environment, stopping)
        return code
    finally:
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)


async def _run(command: Sequence[str], environment: Mapping[str, str], stop: asyncio.Event) -> int:
    """Run a part to its end, or until it is told to stop; its exit code as a shell would tell."""
    process = await _start(command, environment)
    ended = asyncio.create_task(process.wait())
    told = asyncio.create_task(stop.wait())
    await asyncio.wait((ended, told), return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if not ended.done():
        return 0 if await _stop(process, SERVICE_STOPS) else 1
    _kill(process)  # what it may have left behind
    code = ended.result()
    return code if code >= 0 else 128 - code


async def _keep(node: Node) -> None:
    """Keep the server running until cancelled."""
    pause = _FIRST_PAUSE
    while True:
        begin = monotonic()
        process = await _start(node.server, node.server_environment)
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            await _stop(process, SERVER_STOPS)
            raise
        if monotonic() - begin > _LONGEST_PAUSE:
            pause = _FIRST_PAUSE
        log.error("the libSQL server ended with code %d: started again in %g s", code, pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


async def _start(command: Sequence[str], environment: Mapping[str, str]) -> Process:
    # A session of its own, so that Ctrl-C reaches only this process, which ends it in order.
    return await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,
    )


async def _stop(process: Process, seconds: float) -> bool:
    """Ask a process to end and wait for it; whether it did so in time, else it is killed."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), seconds)
    except TimeoutError:
        log.error("process %d did not stop within %g s and is killed", process.pid, seconds)
        _kill(process)
        await process.wait()
        return False
    return True


def _kill(process: Process) -> None:
    """End a process and its children."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _end_with_parent() -> None:
    """Between fork and exec: be told to stop when this program is killed."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, int(signal.SIGTERM))
