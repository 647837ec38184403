"""How the service is doing, at a glance."""

from __future__ import annotations

import datetime
from typing import NamedTuple

from service.application import held, runs, status, webhooks
from service.domain.held import HeldQuery
from service.domain.runs import Run, RunQuery
from service.domain.status import Status
from service.domain.webhooks import Webhook
from service.storage import backups
from service.storage.backups import LastBackup
from service.storage.database import Database


class Overview(NamedTuple):
    """What the database knows of all of it."""

    status: Status
    run: Run | None
    held: int
    webhooks: list[Webhook]
    backup: LastBackup

    @property
    def failing(self) -> list[Webhook]:
        """Webhooks that nothing arrives at."""
        return [one for one in self.webhooks if one.failing_since or one.paused_at]


async def get_overview(
    reader: Database,
    primary: Database | None,
    *,
    now: datetime.datetime,
    region: str | None,
    leads: bool,
) -> Overview:
    """The newest run and backup, what waits for a person, and how far readers are behind."""
    writes = primary or reader
    own = await status.get_status(reader, primary, now=now, region=region, leads=leads)
    newest = await runs.list_runs(writes, RunQuery(page_size=1))
    waiting = await held.list_held(writes, HeldQuery(page_size=1))
    return Overview(
        own.data,
        newest.data[0] if newest.data else None,
        waiting.meta.total or 0,
        [one.webhook for one in await webhooks.list_webhooks(writes)],
        await backups.last(writes),
    )
