"""A wire to a server that can be cut: nothing passes any more, and neither end is told."""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

# One instruction of a socket filter, "return 0": what arrives is dropped before it is acknowledged.
_SO_ATTACH_FILTER: Final = 26
_SO_DETACH_FILTER: Final = 27
_NOTHING: Final = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
_DROP: Final = struct.pack("HP", 1, ctypes.addressof(_NOTHING))


class Wire:
    """Forwards connections to a port of this machine."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._open: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        assert self._server
        port: int = self._listening.getsockname()[1]
        return port

    @property
    def _listening(self) -> Any:
        assert self._server
        return self._server.sockets[0]

    def cut(self) -> None:
        """Every connection that there is, for ever, as by a router that has forgotten them."""
        for one in self._open:
            one.cut = one.deaf = True
            one.socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, _DROP)

    def lose_answers(self) -> None:
        """What is asked arrives, what is answered does not."""
        for one in self._open:
            one.cut = True

    def vanish(self) -> None:
        """Cut, and no new connection gets through, until `appear`."""
        self.cut()
        self._listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, _DROP)

    def appear(self) -> None:
        self._listening.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, b"\0\0\0\0")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = await asyncio.open_connection("127.0.0.1", self._target)
        one = _Connection(writer.get_extra_info("socket"))
        self._open.add(one)

        async def ask() -> None:
            while (data := await reader.read(65536)) and not one.deaf:
                upstream[1].write(data)

        async def answer() -> None:
            while data := await upstream[0].read(65536):
                if not one.cut:
                    writer.write(data)

        ends = [asyncio.create_task(ask()), asyncio.create_task(answer())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if one.cut:
                await asyncio.Event().wait()  # neither end is told
        finally:
            self._open.discard(one)
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
            for end_of in (writer, upstream[1]):
                end_of.transport.abort()


class _Connection:
    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.cut = self.deaf = False


@asynccontextmanager
async def wire(target: int) -> AsyncIterator[Wire]:
    """A wire to a port, for as long as it is used."""
    made = Wire(target)
    tasks: set[asyncio.Task[None]] = set()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(made._serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    made._server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield made
    finally:
        made._server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
