"""`/metrics` for Prometheus."""

from __future__ import annotations

from typing import Final

from service import __version__
from service.application.metrics import Metrics
from service.domain.queries import Query
from service.http.endpoint import Endpoint
from service.http.reply import Reply, reply

_EXAMPLE: Final = f"""\
# HELP aicompare_build_info Version of the service.
# TYPE aicompare_build_info gauge
aicompare_build_info{{version="{__version__}"}} 1
# HELP aicompare_requests_total Answers by operation and status.
# TYPE aicompare_requests_total counter
aicompare_requests_total{{route="listModels",status="200"}} 31416
"""


async def show(metrics: Metrics) -> str:
    """Figures in Prometheus' text format; a database that is away is one of them, no error."""
    return await metrics.text()


def _text(text: str, endpoint: Endpoint, _: Query) -> Reply:
    return reply(text.encode(), "text/plain; version=0.0.4; charset=utf-8", endpoint.keep)


METRICS: Final = Endpoint(
    path="/metrics",
    operation="getMetrics",
    tag="operations",
    summary="Metrics for Prometheus",
    description=(
        "Figures about the service, all its processes at this address, and its database in "
        "Prometheus' text format."
    ),
    use_case=show,
    render=_text,
    media="text/plain",
    keep="never",
    example=_EXAMPLE,
)
