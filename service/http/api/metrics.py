"""`/metrics` for Prometheus."""

from __future__ import annotations

from typing import Any, Final

from service import __version__
from service.application.cache import Cache
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


_CACHE: Final = """\
# HELP aicompare_cache_answers_total Answers by where they came from.
# TYPE aicompare_cache_answers_total counter
aicompare_cache_answers_total{state="hit"} %d
aicompare_cache_answers_total{state="miss"} %d
aicompare_cache_answers_total{state="stale"} %d
# HELP aicompare_cache_evictions_total Answers that made room for others.
# TYPE aicompare_cache_evictions_total counter
aicompare_cache_evictions_total %d
# HELP aicompare_cache_entries Answers kept.
# TYPE aicompare_cache_entries gauge
aicompare_cache_entries %d
# HELP aicompare_cache_bytes Bytes kept.
# TYPE aicompare_cache_bytes gauge
aicompare_cache_bytes %d
"""


async def metrics(reader: Database, cache: Cache[Any]) -> str:
    """Figures in Prometheus' text format; a database that is away is one of them, no error."""
    counters, memory = cache.counters, cache.memory
    answers = (counters.hits, counters.misses, counters.stale)
    kept = _CACHE % (*answers, memory.evictions, len(memory), memory.bytes)
    try:
        revision = (await snapshot(reader)).revision
    except Unavailable:
        return _TEXT % (__version__, 0) + kept
    return _TEXT % (__version__, 1) + _REVISION % revision + kept


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
