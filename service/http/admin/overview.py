"""`/admin`: how the service is doing, at a glance."""

from __future__ import annotations

from typing import Final

from service.application import held, runs, status, viewer, webhooks
from service.domain.conditions import Choice
from service.domain.held import HeldQuery
from service.domain.runs import RunQuery
from service.domain.viewer import VIEWS
from service.http.admin.page import ROOT, AdminPage, Visit
from service.http.reply import Reply


async def show_overview(visit: Visit) -> Reply:
    """The newest run, what waits for a person, how reading goes, the newest changes."""
    service, reader = visit.service, visit.reader
    own = await status.get_status(
        service.reader, service.primary, now=service.clock(), region=service.settings.region
    )
    newest = await runs.list_runs(reader, RunQuery(page_size=1))
    waiting = await held.list_held(reader, HeldQuery(page_size=1))
    told = [one.webhook for one in await webhooks.list_webhooks(reader)]
    changes = VIEWS["changes"]
    log = await viewer.list_rows(reader, Choice(changes))
    counters = service.front.cache.counters
    asked = counters.hits + counters.misses + counters.stale
    return visit.html(
        "overview.html",
        title="Overview",
        status=own.data,
        run=newest.data[0] if newest.data else None,
        held=waiting.meta.total,
        webhooks=told,
        failing=[one for one in told if one.failing_since or one.paused_at],
        hit_rate=counters.hits / asked if asked else None,
        asked=asked,
        view=changes,
        rows=log.rows[:10],
        revision=log.snapshot.revision,
    )


PAGES: Final = (AdminPage(method="GET", path=ROOT, summary="Overview", show=show_overview),)
