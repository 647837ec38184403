"""Keeps a program running beside the service: started again if it ends, told to end, and heard.

What it says comes out among the service's own log lines, under its name, as these are written.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import re
import signal
import sys
import threading
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

log = logging.getLogger(__name__)

# Seconds between an end and the next start: the first, the longest. A program that ran for longer
# than that begins anew.
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 10.0
# Seconds between two looks at whether a running one is of use; so many in a row it must not be.
_LOOK: Final = 1.0
_LOOKS: Final = 3
# Seconds in which what it said last has to arrive.
_LAST_WORDS: Final = 1.0
# Bytes of its longest line.
_LINE: Final = 1 << 20

# `2026-11-22T12:00:00Z  WARN sqld: words` and `time=2026-… level=WARN msg="words"`.
_LEVEL: Final = re.compile(r"(?:time=)?\S+\s+(?:level=)?(TRACE|DEBUG|INFO|WARN|ERROR)\s+(.*)")


@dataclass(frozen=True, slots=True)
class Program:
    """A command line, with what it needs. `name` is what log lines call it.

    `stops` are the seconds that it has to end in order; for the first `deaf` seconds it may miss
    that it is told to, and is told again; `lost` tells whether it runs and is of no
    more use until it is started again.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    stops: float
    folder: Path | None = None
    lost: Callable[[], Awaitable[bool]] | None = None
    deaf: float = 0.0


async def keep(program: Program, begun: Callable[[], object] = lambda: None) -> None:
    """Keep it running until cancelled, then end it in order; `begun` is called at each start."""
    pause = _FIRST_PAUSE
    while True:
        begin = monotonic()
        process = await start(program.command, program.environment, program.folder, heard=True)
        begun()
        hearing = asyncio.create_task(_hear(program.name, process))
        try:
            await _over(program, process)
        finally:
            await stop(process, program.stops, program.deaf - (monotonic() - begin))
            # Not for ever: a fork of this process may hold the other end.
            await asyncio.wait((hearing,), timeout=_LAST_WORDS)
            hearing.cancel()
        if monotonic() - begin > _LONGEST_PAUSE:
            pause = _FIRST_PAUSE
        code = process.returncode
        log.error("%s ended with code %d: started again in %g s", program.name, code, pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


@contextlib.contextmanager
def beside(program: Program) -> Iterator[None]:
    """Keep it running while this thread does something else."""
    begun, over = threading.Event(), threading.Event()

    async def until_over() -> None:
        kept = asyncio.create_task(keep(program, begun.set))
        kept.add_done_callback(lambda _: begun.set())
        await asyncio.to_thread(over.wait)
        kept.cancel()
        await asyncio.gather(kept, return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(until_over()))
    thread.start()
    begun.wait()
    try:
        yield
    finally:
        over.set()
        thread.join()


async def start(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path | None = None,
    *,
    heard: bool = False,
) -> Process:
    """Start a process in a folder; `heard` where somebody reads what it says."""
    # A session of its own, so that Ctrl-C reaches only this process, which ends it in order.
    return await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        cwd=folder,
        stdin=DEVNULL,
        stdout=PIPE if heard else None,
        stderr=STDOUT if heard else None,
        limit=_LINE,
        start_new_session=True,
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,
    )


async def stop(process: Process, seconds: float, deaf: float = 0.0) -> bool:
    """Ask a process to end and wait for it; whether it did so in time, else it is killed.

    One that may be deaf for some seconds more is then asked again.
    """
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    if deaf > 0:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), deaf)
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    try:
        await asyncio.wait_for(process.wait(), seconds)
    except TimeoutError:
        log.error("process %d did not stop within %g s and is killed", process.pid, seconds)
        kill(process)
        await process.wait()
        return False
    return True


def kill(process: Process) -> None:
    """End a process and its children."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


async def _over(program: Program, process: Process) -> None:
    """Return when it has ended, or is of no more use."""
    ended = asyncio.create_task(process.wait())
    useless = asyncio.create_task(_useless(program))
    try:
        await asyncio.wait((ended, useless), return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended.cancel()
        useless.cancel()


async def _useless(program: Program) -> None:
    looks = 0
    while looks < _LOOKS:
        await asyncio.sleep(_LOOK)
        looks = looks + 1 if program.lost and await program.lost() else 0
    log.error("%s has lost what it serves", program.name)


async def _hear(name: str, process: Process) -> None:
    """Log what it says, line by line; a line without a level belongs to the one before."""
    assert process.stdout
    said, level = logging.getLogger(name), logging.INFO
    while True:
        try:
            line = (await process.stdout.readline()).decode(errors="replace")
        except ValueError:  # longer than a line may be
            continue
        if not line:
            return
        if found := _LEVEL.match(line):
            level = logging.getLevelNamesMapping()[found[1].replace("TRACE", "DEBUG")]
        if words := (found[2] if found else line).strip():
            said.log(level, "%s", words)


def _end_with_parent() -> None:
    """Between fork and exec: be told to stop when this program is killed."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, int(signal.SIGTERM))
