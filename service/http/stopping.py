"""The moment at which the server is told to stop.

Servers end the lifespan only after all responses have ended, and a response without an end would
keep them from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Final

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@contextlib.contextmanager
def at_stop(callback: Callable[[], None]) -> Iterator[None]:
    """Call back, on the running loop, when the process is told to stop; the server hears it too.

    Does nothing where signals are not this thread's to handle.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before: dict[signal.Signals, Any] = {one: signal.getsignal(one) for one in _SIGNALS}

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(callback)
        previous = before[signal.Signals(number)]
        if callable(previous):
            previous(number, frame)
        elif previous is not signal.SIG_IGN:  # what happens where nothing handles it
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    for one in _SIGNALS:
        signal.signal(one, handle)
    try:
        yield
    finally:
        for one, previous in before.items():
            signal.signal(one, previous)


def end_with_parent() -> None:
    """End this process once the one that started it is gone, which nobody else would.

    A worker whose server was killed goes on answering, hears no SIGTERM, and shares the port with
    the worker of the next server.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()
