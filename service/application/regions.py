"""Reading one's own write, wherever it was written."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

from service.application.watch import Watch
from service.errors import Unavailable
from service.storage.database import Database
from service.storage.status import snapshot

_PAUSE: Final = 0.005


async def reach(
    watch: Watch, primary: Database | None, revision: int, seconds: float
) -> Database | None:
    """Wait up to `seconds` for the watched database to know a revision; then ask the primary.

    Returns None where the watched database has it, and nothing older is kept any more, or the
    primary where only that has it. Raises `Unavailable` where neither does.
    """
    until = monotonic() + seconds
    while True:
        try:
            await watch.look()
        except Unavailable:
            break
        if watch.revision is not None and watch.revision >= revision:
            return None
        if monotonic() + _PAUSE >= until:
            break
        await asyncio.sleep(_PAUSE)
    if primary is not None and (await snapshot(primary)).revision >= revision:
        return primary
    raise Unavailable(
        f"revision {revision} has not been reached here: it may not exist yet, or be on its way"
    )
