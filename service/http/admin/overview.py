"""`/admin`: how the service is doing, at a glance."""

from __future__ import annotations

from typing import Final

from service.application import viewer
from service.application.overview import get_overview
from service.domain.conditions import Choice
from service.domain.viewer import VIEWS
from service.http.admin.page import ROOT, AdminPage, Visit
from service.http.reply import Reply

_CHANGES: Final = 10


async def show_overview(visit: Visit) -> Reply:
    """What there is to know and to do, and the newest changes."""
    service, view = visit.service, VIEWS["changes"]
    overview = await get_overview(
        service.reader,
        service.primary,
        now=service.clock(),
        region=service.settings.region,
        leads=service.settings.in_primary_region,
    )
    log = await viewer.list_rows(visit.reader, Choice(view))
    counters = service.front.cache.counters
    asked = counters.hits + counters.misses + counters.stale
    return visit.html(
        "overview.html",
        title="Overview",
        overview=overview,
        status=overview.status,
        asked=asked,
        hit_rate=counters.hits / asked if asked else None,
        view=view,
        rows=log.rows[:_CHANGES],
        revision=log.snapshot.revision,
    )


PAGES: Final = (AdminPage(method="GET", path=ROOT, summary="Overview", show=show_overview),)
