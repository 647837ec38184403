"""Backups by the service itself: one every so often, by one process of all on the primary."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
import os
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from service.domain.values import timestamp
from service.errors import ServiceError
from service.settings import Settings, environment
from service.storage import backups as stored
from service.storage.database import Database

log = logging.getLogger(__name__)

# Seconds between two looks, of a lease, and until one that failed is tried again.
_LOOK: Final = 60.0
_LEASE: Final = 180.0
_AGAIN: Final = 900.0
# How far apart two clocks may be.
_APART: Final = datetime.timedelta(minutes=1)


@dataclass(slots=True, eq=False)
class Schedule:
    """Has backups made, each by a process of its own, which the requests do not wait for."""

    writer: Database
    settings: Settings
    clock: Callable[[], datetime.datetime]
    name: str = field(default_factory=lambda: secrets.token_hex(8))
    look: float = _LOOK

    async def run(self) -> None:
        """Forever. A database that is away is tried again."""
        try:
            while True:
                with contextlib.suppress(ServiceError):
                    if await self._due() and await self._hold():
                        await self._make()
                await asyncio.sleep(min(self.look, self.settings.backup_hours * 3600 / 2))
        finally:
            with contextlib.suppress(ServiceError):
                await stored.release(self.writer, self.name)

    async def _due(self) -> bool:
        last = await stored.last(self.writer)
        now, every = self.clock(), datetime.timedelta(hours=self.settings.backup_hours)
        again = min(every, datetime.timedelta(seconds=_AGAIN))
        if _within(every, last.good_at, now):
            return False
        return not (last.error and _within(again, last.started_at, now))

    async def _hold(self) -> bool:
        now = self.clock()
        until = now + datetime.timedelta(seconds=_LEASE)
        return await stored.hold(self.writer, self.name, timestamp(now), timestamp(until))

    async def _make(self) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "from service.cli import main; main()", "backup", "now",
            env={**os.environ, **environment(self.settings)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        talk = asyncio.create_task(process.communicate())
        try:
            while not (await asyncio.wait({talk}, timeout=_LEASE / 3))[0]:
                if not await self._hold():
                    log.warning("another process makes backups now: this one is given up")
                    return
            output, _ = talk.result()
            said = " ".join(output.decode(errors="replace").split())
            if process.returncode:
                log.error("backup failed: %s", said)
            else:
                log.info("backup %s", said)
        finally:
            if process.returncode is None:
                process.terminate()
            talk.cancel()


def _within(span: datetime.timedelta, since: str | None, now: datetime.datetime) -> bool:
    """Whether a moment was so short ago; a later one was before the clock went back."""
    if since is None:
        return False
    return -_APART <= now - datetime.datetime.fromisoformat(since) < span
