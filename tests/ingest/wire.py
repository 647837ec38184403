"""A real service on a free port, and a wire to it that can be cut."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.engines import HTTP, Engine, free_port, spawn, wait

SECRET = "a-token-that-is-long-enough-for-a-first-start"
AICOMPARE = str(Path(sys.executable).with_name("aicompare"))


@contextmanager
def serving(engine: Engine, log: Path, **settings: str) -> Iterator[int]:
    """`aicompare serve` in a process of its own; its port."""
    port = free_port()
    named = {"DATABASE_URL": engine.writer_url, "BOOTSTRAP_TOKEN": SECRET, **settings}
    if engine.writer_token:
        named["DATABASE_TOKEN"] = engine.writer_token
    environment = [f"AICOMPARE_{name}={value}" for name, value in named.items()]
    process = spawn(["env", *environment, AICOMPARE, "serve", "--port", str(port)], log=log)

    def answers() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return HTTP.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200
        return False

    try:
        wait(answers, process, log)
        yield port
    finally:
        # The workers as well, which are in its group; connections may hang, so nobody is asked.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Wire:
    """Passes connections on to a port, and cuts them where it is told to.

    `after` are numbers of bytes sent by clients, counted over all connections, at which the
    connection breaks. Of the next `lost` batches the answer is lost, though they arrived. Once
    `hang` is set nothing is passed on any more.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.after: list[int] = []
        self.lost = 0
        self.hang_after: int | None = None
        self.sent = 0
        self.cut = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                state = {"batch": False}
                for pump in (self._out, self._back):
                    arguments = (client, server, state)
                    threading.Thread(target=pump, args=arguments, daemon=True).start()

    def _out(self, client: socket.socket, server: socket.socket, state: dict[str, bool]) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(16_384):
                if data.startswith((b"POST", b"GET")):
                    state["batch"] = b"/batches " in data.partition(b"\r\n")[0]
                self.sent += len(data)
                if self.hang_after is not None and self.sent >= self.hang_after:
                    return
                if self.after and self.sent >= self.after[0]:
                    self.after.pop(0)
                    break
                server.sendall(data)
        self._cut(client, server)

    def _back(self, client: socket.socket, server: socket.socket, state: dict[str, bool]) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(16_384):
                if state["batch"] and self.lost:
                    self.lost -= 1
                    break
                client.sendall(data)
        self._cut(client, server)

    def _cut(self, *sockets: socket.socket) -> None:
        self.cut += 1
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def environment() -> dict[str, str]:
    """This process's, without settings."""
    return {name: v for name, v in os.environ.items() if not name.startswith("AICOMPARE_")}
