"""A TCP proxy that makes a server far away."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any


class Distance:
    """Forwards connections to a port of 127.0.0.1; each byte takes half a round trip either way.

    `round_trip` is in seconds and may be changed at any time.
    """

    def __init__(self, port: int, round_trip: float) -> None:
        self.round_trip = round_trip
        self._target = port
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        started = threading.Event()
        self._thread = threading.Thread(
            target=self._loop.run_until_complete, args=[self._serve(started.set)], daemon=True
        )
        self._thread.start()
        started.wait(10)

    def close(self) -> None:
        """Cut all connections."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _serve(self, started: Callable[[], None]) -> None:
        async with await asyncio.start_server(self._forward, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            started()
            await self._stop.wait()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await asyncio.sleep(self.round_trip)  # the handshake
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            await _first(self._carry(reader, far_writer), self._carry(far_reader, writer))
            far_writer.close()
        writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry what comes, in its order, each piece when its time has come."""
        loop = asyncio.get_running_loop()
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(10_000)

        async def arrive() -> None:
            while True:
                due, piece = await under_way.get()
                await asyncio.sleep(due - loop.time())
                if not piece:
                    return
                writer.write(piece)
                await writer.drain()

        async def depart() -> None:
            piece = b"-"
            while piece:
                piece = await reader.read(65536)
                await under_way.put((loop.time() + self.round_trip / 2, piece))

        async with asyncio.TaskGroup() as group:
            group.create_task(arrive())
            group.create_task(depart())


async def _first(*works: Coroutine[Any, Any, None]) -> None:
    """Run all until one of them ends."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
