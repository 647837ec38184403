"""Work in the process whose event loop has readers to answer meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Generator, Iterator
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# Longest a thread at work waits until it asks the event loop for the interpreter, in seconds; and
# the other way round. At Python's 5 ms a loop under load, which lets go and takes back faster than
# that, starves the thread for seconds, and a thread that counts holds up every answer for 5 ms.
# While no thread works, Python's own interval holds: the short one costs a server's hits a sixth
# of their rate.
_SWITCH_INTERVAL = 1e-4
_USUAL_INTERVAL = sys.getswitchinterval()
_at_work = 0


@contextlib.contextmanager
def switching_often() -> Iterator[None]:
    """While a thread works for the event loop."""
    global _at_work
    _at_work += 1
    if _at_work == 1:
        sys.setswitchinterval(_SWITCH_INTERVAL)
    try:
        yield
    finally:
        _at_work -= 1
        if _at_work == 0:
            sys.setswitchinterval(_USUAL_INTERVAL)


async def beside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in a thread and wait for it; raises what it raises."""
    with switching_often():
        return await asyncio.to_thread(work, *args, **kwargs)


# Seconds that work keeps the event loop at a time, and that it leaves to others then. A thread
# would share the interpreter with the loop, which lets go of it and waits to have it back several
# times for one answer: answers took twice as long all the while.
_SLICE = 0.00025
_PAUSE = 0.001


async def in_slices(work: Generator[None, None, T]) -> T:
    """Run `work` on the event loop, which answers others at the places where it yields."""
    until = time.perf_counter() + _SLICE
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: T = done.value
            return result
        if time.perf_counter() > until:
            await asyncio.sleep(_PAUSE)
            until = time.perf_counter() + _SLICE


def at_once(work: Generator[None, None, T]) -> T:
    """Run `work` from its beginning to its end."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: T = done.value
            return result
