"""The OpenAPI document: fit for generated clients, and true to what is parsed."""

from __future__ import annotations

import json
import re
import typing
from typing import Any

import httpx
import msgspec
import pytest

from service.http.errors import STATUS
from service.http.openapi import document
from service.http.params import parameters_of, parse
from service.http.reply import encode
from service.http.routes import ENDPOINTS
from service.http.schemas import ErrorCode, describable

DOCUMENT: dict[str, Any] = json.loads(document(ENDPOINTS))

OPERATIONS = {path: item["get"] for path, item in DOCUMENT["paths"].items()}


def test_every_endpoint_is_there() -> None:
    assert list(OPERATIONS) == [endpoint.path for endpoint in ENDPOINTS]
    names = [one["operationId"] for one in OPERATIONS.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", name) for name in names)


def test_component_names_fit_generated_clients() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert {"ModelListResponse", "ModelResponse", "ErrorResponse", "Price"} <= set(schemas)
    for name in schemas:
        assert re.fullmatch(r"[A-Z][A-Za-z]+", name)
    text = json.dumps(DOCUMENT)
    assert not re.search(r"service\.[a-z]", text)
    references = set(re.findall(r'"#/components/([a-z]+)/([A-Za-z_]+)"', text))
    assert all(name in DOCUMENT["components"][kind] for kind, name in references)


def test_all_error_codes_are_declared() -> None:
    assert set(typing.get_args(ErrorCode)) == set(STATUS)
    for path, operation in OPERATIONS.items():
        assert {"200", "400", "500", "503"} <= set(operation["responses"]), path
        assert ("404" in operation["responses"]) == ("{id}" in path or path == "/v1/compare")


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.operation)
def test_parameters_are_those_that_are_parsed(endpoint: Any) -> None:
    every = OPERATIONS[endpoint.path]["parameters"]
    assert {one["name"] for one in every if one["in"] == "header"} == set(endpoint.headers)
    described = {one["name"]: one for one in every if one["in"] != "header"}
    described.pop("id", None) if endpoint.prefix else None
    parameters = parameters_of(endpoint.query)
    assert set(described) == set(parameters)
    for name, parameter in parameters.items():
        assert described[name]["required"] == parameter.required
        assert described[name].get("description")
        if parameter.many:
            assert described[name]["style"] == "form"
            assert described[name]["explode"] is False
            assert described[name]["schema"]["type"] == "array"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.operation)
def test_the_example_of_a_question_can_be_asked(endpoint: Any) -> None:
    asked = str(httpx.QueryParams(dict(endpoint.asks)))
    assert parse(endpoint.query, asked.encode())
    assert endpoint.id or not endpoint.prefix


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.operation)
def test_the_example_of_an_answer_has_the_type_of_the_answer(endpoint: Any) -> None:
    assert endpoint.example
    if endpoint.component:
        text = json.loads(encode(endpoint.example), parse_float=str)
        msgspec.convert(text["data"], describable(endpoint.data), strict=False)


def test_a_page_number_is_described() -> None:
    (page,) = (one for one in OPERATIONS["/v1/models"]["parameters"] if one["name"] == "page")
    assert page["schema"] == {"type": "integer", "minimum": 1, "maximum": 1_000_000, "default": 1}
    assert page["description"] == "Page, from 1."
    assert page["required"] is False


def test_members_of_answers_are_always_there() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert set(schemas["AnswerMeta"]["required"]) == {
        "total", "page", "pageSize", "lastUpdated", "revision",
    }  # fmt: skip
    assert "history" not in schemas["ModelDetail"]["required"]
    price = schemas["Price"]["properties"]["inputPrice"]["anyOf"]
    assert [one["type"] for one in price] == ["number", "null"]
