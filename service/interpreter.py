"""Work in threads beside the event loop, which has readers to answer meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# Longest a thread at work waits until it asks the event loop for the interpreter, in seconds; and
# the other way round. At Python's 5 ms a loop under load, which lets go and takes back faster than
# that, starves the thread for seconds, and a thread that counts holds up every answer for 5 ms.
# While no thread works, Python's own interval holds: the short one costs a server's hits a sixth
# of their rate. At 20 µs a read during ingest takes some three quarters of what it takes at
# 100 µs, and batches take as long.
_SWITCH_INTERVAL = 2e-5
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
