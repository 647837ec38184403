"""The OpenAPI document holds for what needs a token, too."""

from __future__ import annotations

import json
import typing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS

from service.domain.answers import Answer
from service.domain.batches import Batch
from service.http.action import Action
from service.http.decoding import decode, decode_batch
from service.http.openapi import document
from service.http.reply import encode
from service.http.routes import ACTIONS, ENDPOINTS
from service.interpreter import at_once
from tests.http.client import make_app, make_catalogue

TOKEN = "a-secret-of-thirty-two-characters"
_FOLDER = TemporaryDirectory(prefix="aicompare-")
_APP = make_app(make_catalogue(Path(_FOLDER.name) / "catalogue.db"), bootstrap_token=TOKEN)
schema = schemathesis.openapi.from_asgi("/openapi.json", _APP)
DOCUMENT: dict[str, Any] = json.loads(document(ENDPOINTS, ACTIONS))
# Whether a body is good depends on what is stored and on rules between its members, for which
# OpenAPI has no words; ids hold slashes, so that many a path is another one's as well.
CHECKED = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)


def needs_token(context: Any) -> bool:
    return "security" in context.operation.definition.raw


@schema.include(needs_token).parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_the_service_keeps_its_contract(case: schemathesis.Case) -> None:
    case.headers["Authorization"] = f"Bearer {TOKEN}"
    case.call_and_validate(checks=CHECKED)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda one: one.operation)
class TestAction:
    def test_is_described(self, action: Action) -> None:
        described = DOCUMENT["paths"][action.path][action.method.lower()]
        assert described["operationId"] == action.operation
        assert described["summary"]
        assert described["description"]
        assert {"400", "401", "403", "500", "503"} <= set(described["responses"])
        assert ("requestBody" in described) == (action.body is not None)

    def test_examples_have_their_types(self, action: Action) -> None:
        text = json.loads(encode(action.example), parse_float=str)
        msgspec.convert(text["data"], action.data, strict=False)
        assert isinstance(action.example, Answer)
        if action.body:
            sent = encode(action.sends)
            batch = action.body is Batch
            assert at_once(decode_batch(sent)) if batch else decode(sent, action.body)

    def test_example_finds_itself(self, action: Action) -> None:
        path = action.path.format(**action.names)
        assert action.find(path) == dict(action.names)
        assert action.find(str(httpx.URL(path).path)) == dict(action.names)

    def test_takes_what_it_is_given(self, action: Action) -> None:
        hints = typing.get_type_hints(action.use_case)
        assert hints.keys() >= action.takes


def test_operations_have_names_of_their_own() -> None:
    names = [one.operation for one in (*ENDPOINTS, *ACTIONS)]
    assert len(set(names)) == len(names)
