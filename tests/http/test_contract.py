"""The OpenAPI document holds: what it allows is answered, what it forbids is refused."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS

from service.errors import InvalidRequest
from service.http.params import parameters_of
from service.http.routes import ENDPOINTS
from tests.http.client import make_app, make_catalogue

# Tests are made from the document, so the application has to be there when they are collected.
_FOLDER = TemporaryDirectory(prefix="aicompare-")
_APP = make_app(make_catalogue(Path(_FOLDER.name) / "catalogue.db"))
schema = schemathesis.openapi.from_asgi("/openapi.json", _APP)
(_ACCEPTED,) = CHECKS.get_by_names(["positive_data_acceptance"])


def needs_token(context: Any) -> bool:
    """See tests/pipeline/test_contract.py for those."""
    return "security" in context.operation.definition.raw


# A stream goes on for as long as somebody listens: see test_stream.py.
@schema.exclude(path="/v1/changes/stream").exclude(needs_token).parametrize()
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_the_service_keeps_its_contract(case: schemathesis.Case) -> None:
    response = case.call()
    rules = [_ACCEPTED] if contradicts(case.operation.path, response.request.url) else []
    case.validate_response(response, excluded_checks=rules)


def contradicts(path: str, url: str) -> bool:
    """Whether each parameter is good but not all together, which OpenAPI has no words for."""
    (endpoint,) = (one for one in ENDPOINTS if one.path == path)
    known = parameters_of(endpoint.query)
    try:
        values = [known[name].read(text) for name, text in httpx.URL(url).params.multi_items()]
    except (KeyError, InvalidRequest):
        return False
    return len(values) > 0
