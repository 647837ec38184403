"""`/metrics` for Prometheus."""

from __future__ import annotations

from typing import Final

from service import __version__
from service.domain.queries import Query
from service.errors import Unavailable
from service.http.endpoint import Endpoint
from service.http.reply import Reply, reply
from service.storage.database import Database
from service.storage.status import snapshot

_TEXT: Final = """\
# HELP aicompare_build_info Version of the service.
# TYPE aicompare_build_info gauge
aicompare_build_info{version="%s"} 1
# HELP aicompare_database_up Whether the database answers.
# TYPE aicompare_database_up gauge
aicompare_database_up %d
"""
_REVISION: Final = """\
# HELP aicompare_revision Number of the newest change in the database that is read.
# TYPE aicompare_revision gauge
aicompare_revision %d
"""


async def metrics(reader: Database) -> str:
    """Figures in Prometheus' text format; a database that is away is one of them, no error."""
    try:
        revision = (await snapshot(reader)).revision
    except Unavailable:
        return _TEXT % (__version__, 0)
    return _TEXT % (__version__, 1) + _REVISION % revision


def _text(text: str, endpoint: Endpoint, _: Query) -> Reply:
    return reply(text.encode(), "text/plain; version=0.0.4; charset=utf-8", endpoint.keep)


METRICS: Final = Endpoint(
    path="/metrics",
    operation="getMetrics",
    tag="operations",
    summary="Metrics for Prometheus",
    description="Figures about this process and its database in Prometheus' text format.",
    use_case=metrics,
    render=_text,
    media="text/plain",
    keep="never",
    example=_TEXT % (__version__, 1) + _REVISION % 31416,
)
