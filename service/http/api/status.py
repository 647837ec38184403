"""What the service knows of itself, over HTTP."""

from __future__ import annotations

from typing import Final

from service import __version__
from service.application import status
from service.domain.status import Counts, Status
from service.http.endpoint import Endpoint
from service.http.examples import one

STATUS: Final = Endpoint(
    path="/v1/status",
    operation="getStatus",
    tag="operations",
    summary="State of the service",
    description=(
        "Revision and counts of the database that is read, where this process runs, and how far "
        "its replica is behind the primary."
    ),
    use_case=status.get_status,
    keep="live",
    component="StatusResponse",
    example=one(
        Status(
            version=__version__,
            revision=31416,
            schema_version="0001",
            engine="libsql",
            region="fra",
            role="replica",
            price_day="2026-11-22",
            counts=Counts(providers=141, models=5120, pricing=7204, benchmarks=1688),
            replication_lag=0,
            replication_lag_seconds=0.0,
        )
    ),
)
