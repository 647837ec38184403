"""Runs the libSQL server and the service beside it, started and stopped in the right order.

The server first, then the migrations where it is the primary, then the service, which waits until
it can read. At a stop the service first, which answers what is under way, then the server. One that
dies, or has lost its database, is started again, less often each time, while the service goes on
from what it keeps; when the service ends, so does all.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from typing import Final
from urllib.parse import urlsplit

from service.operations import program
from service.operations.node import SERVER_DEAF, SERVER_STOPS, SERVICE_STOPS, Node
from service.operations.program import Program

# This very program, however it was found.
AICOMPARE: Final = (sys.executable, "-c", "from service.cli import main; main()")
# Seconds in which the server has to say that it has no database.
_ANSWER: Final = 1.0


async def supervise(node: Node, serve: Sequence[str], wait: float) -> int:
    """Run until the service ends or a signal asks for an end.

    `serve` are the service's arguments, `wait` the seconds that the database has to come up.
    Returns the exit code: 0 after a stop in order, else that of the part that failed.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stopping.set)

    async def lost() -> bool:
        return await asyncio.to_thread(_lost, node)

    node.folder.mkdir(parents=True, exist_ok=True)
    server = asyncio.create_task(
        program.keep(
            Program(
                "sqld",
                node.server,
                node.server_environment,
                SERVER_STOPS,
                node.folder,
                lost,
                SERVER_DEAF,
            )
        )
    )
    patience = ("--wait", f"{wait:g}")
    steps = [("migrate", "up", *patience)] if node.primary else []
    code = 0
    try:
        for step in (*steps, ("serve", *serve, *patience)):
            if not code and not stopping.is_set():
                code = await _run(step, node.service_environment, stopping)
        return code
    finally:
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)


async def _run(command: Sequence[str], environment: Mapping[str, str], stop: asyncio.Event) -> int:
    """Run a part to its end, or until it is told to stop; its exit code as a shell would tell."""
    process = await program.start((*AICOMPARE, *command), environment)
    ended = asyncio.create_task(process.wait())
    told = asyncio.create_task(stop.wait())
    await asyncio.wait((ended, told), return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if not ended.done():
        return 0 if await program.stop(process, SERVICE_STOPS) else 1
    program.kill(process)  # what it may have left behind
    code = ended.result()
    return code if code >= 0 else 128 - code


def _lost(node: Node) -> bool:
    """Whether the server says that it has no database, as a replica does once its disk was full.

    Asked without the driver, which takes more memory than all else that runs here.
    """
    headers = {"Content-Type": "application/json"}
    if node.token:
        headers["Authorization"] = f"Bearer {node.token}"
    connection = HTTPConnection(urlsplit(node.url).netloc, timeout=_ANSWER)
    try:
        connection.request("POST", "/v3/pipeline", b'{"requests": []}', headers)
        answer = connection.getresponse()
        return answer.status == 404 and b"doesn't exist" in answer.read()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
