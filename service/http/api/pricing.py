"""Prices over HTTP."""

from __future__ import annotations

from typing import Final

from service.application import pricing
from service.http.endpoint import Endpoint
from service.http.examples import PRICE, many

LIST: Final = Endpoint(
    path="/v1/pricing",
    operation="listPrices",
    tag="pricing",
    summary="Prices over time",
    description=(
        "The price history, newest first, in US dollars per million tokens. `asOf` gives what "
        "applied on one day, `knownAt` what the service believed at a moment: a price that was "
        "corrected later shows as it was then. Prices announced for a future day are part of it."
    ),
    use_case=pricing.list_prices,
    keep="prices",
    component="PriceListResponse",
    asks={"model": "anthropic/claude-sonnet-4-5"},
    example=many(PRICE, page_size=500),
)
