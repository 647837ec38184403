"""Batches made ready to be written: decoded, checked, encoded as the database takes them.

That is some 10 µs of Python a row, in which the process answers its readers late. A large batch is
made ready by a program of its own, which ends with it: no state, no memory at other times. Where it
cannot be had, and for small batches, the event loop does the same in slices.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Generator
from typing import Any, Final

import msgspec

from service.application.ready import ready as checked
from service.errors import InvalidRequest
from service.http.decoding import decode_batch
from service.interpreter import at_once, in_slices
from service.storage.ingest import Documents

log = logging.getLogger(__name__)

# Bytes from which it is worth 60 ms of processor time to start the program, and its deadline in
# seconds: the same is then done here.
_LARGE: Final = 262_144
_DEADLINE: Final = 20.0
# Programs at once, of some 50 MB each: the database takes one batch after the other anyway.
_places: Final = asyncio.Semaphore(2)


class _Made(msgspec.Struct):
    """What the program answers: a batch, or why there is none."""

    documents: Documents | None = None
    refused: str = ""
    details: Any = None


async def ready(body: bytes) -> Documents:
    """Decode, check and encode a batch. Raises `InvalidRequest` with every fault."""
    made = None
    if len(body) >= _LARGE:
        async with _places:
            made = await _beside(body)
    if made is None:
        return await in_slices(_ready(body))
    if made.documents is None:
        raise InvalidRequest(made.refused, made.details)
    return made.documents


def _ready(body: bytes) -> Generator[None, None, Documents]:
    return (yield from checked((yield from decode_batch(body))))


async def _beside(body: bytes) -> _Made | None:
    """What the program made; None where it failed."""
    process = None
    try:
        # A group of its own: Ctrl-C is for the service, which waits for what is under way.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        async with asyncio.timeout(_DEADLINE):
            made, _ = await process.communicate(body)
        return msgspec.msgpack.decode(made, type=_Made)
    except (OSError, TimeoutError, msgspec.DecodeError) as error:
        log.warning("a batch is made ready in the process: %s", error or type(error).__name__)
        return None
    finally:
        if process and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


def main() -> None:
    """Make the batch on stdin ready, to stdout."""
    try:
        made = _Made(at_once(_ready(sys.stdin.buffer.read())))
    except InvalidRequest as error:
        made = _Made(refused=error.message, details=error.details)
    sys.stdout.buffer.write(msgspec.msgpack.encode(made))


if __name__ == "__main__":
    main()
