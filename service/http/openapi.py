"""`/openapi.json`: the endpoints described from the very types that parse and encode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec import UNSET, inspect

from service import __version__
from service.application import edits
from service.domain.answers import AnswerMeta
from service.http.action import Action
from service.http.endpoint import Endpoint
from service.http.errors import STATUS
from service.http.params import Parameter, parameters_of
from service.http.reply import JSON, encode
from service.http.rules import NOT_NEGATIVE, model_members
from service.http.schemas import Schema, components, members, ref

# What a string parameter may hold, and an item of a list, which commas separate.
_TEXT: Final = r"^[^\x00-\x1F\x7F]*[^\s\x00-\x1F\x7F][^\x00-\x1F\x7F]*$"
_ITEM: Final = r"^[^\x00-\x1F\x7F,]*[^\s\x00-\x1F\x7F,][^\x00-\x1F\x7F,]*$"


def document(endpoints: Sequence[Endpoint], actions: Sequence[Action] = ()) -> bytes:
    """The OpenAPI 3.1 document."""
    paths: dict[str, Schema] = {}
    for endpoint in endpoints:
        paths[endpoint.path] = {"get": _operation(endpoint)}
    for action in actions:
        paths.setdefault(action.path, {})[action.method.lower()] = _action(action)
    tags = [*(one.tag for one in endpoints), *(one.tag for one in actions)]
    return encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "AICompare",
                "version": __version__,
                "description": (
                    "AI models: who offers them, what they cost over time and how they score. "
                    "Prices are exact decimals in US dollars per million tokens; `null` means "
                    "unknown, `0` means free. Every answer has the envelope, errors too; only a "
                    "request line beyond 64 KB is refused by the server itself, without a body."
                ),
            },
            "servers": [{"url": "/"}],
            "tags": [{"name": tag} for tag in dict.fromkeys(tags)],
            "paths": paths,
            "components": {
                "schemas": components(endpoints, actions),
                "responses": _errors(),
                "securitySchemes": {
                    "token": {
                        "type": "http",
                        "scheme": "bearer",
                        "description": "Made by `aicompare token create`.",
                    }
                },
            },
        }
    )


def _operation(endpoint: Endpoint) -> Schema:
    statuses = ["invalid_request", "internal", "unavailable"]
    if endpoint.prefix or endpoint.not_found:
        statuses.insert(1, "not_found")
    schema: Schema = {"type": "string"}
    if endpoint.component:
        schema = {"$ref": ref(endpoint.component)}
    return {
        "operationId": endpoint.operation,
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "description": endpoint.description,
        "parameters": [
            *_path_parameters(endpoint),
            *_query_parameters(endpoint),
            *(_header("", name, text, _TEXT) for name, text in endpoint.headers.items()),
        ],
        "responses": {
            "200": {
                "description": endpoint.summary,
                "content": {endpoint.media: {"schema": schema, "example": endpoint.example}},
            },
            **{str(STATUS[code]): {"$ref": f"#/components/responses/{code}"} for code in statuses},
        },
    }


def _action(action: Action) -> Schema:
    codes = ["invalid_request", "unauthorized", "forbidden", *action.errors]
    answer = {
        "description": action.summary,
        "content": {JSON: {"schema": {"$ref": ref(action.component)}, "example": action.example}},
        "headers": {
            "X-Revision": {
                "description": "The revision from which on what was written can be read.",
                "schema": {"type": "integer"},
            }
        },
    }
    good = {"201": answer} if action.creates else {"200": answer}
    if action.use_case is edits.put and action.given["table"] in ("providers", "models"):
        good["201"] = answer
    operation: Schema = {
        "operationId": action.operation,
        "tags": [action.tag],
        "summary": action.summary,
        "description": action.description,
        "security": [{"token": []}],
        "x-scope": action.scope,
        "parameters": [
            *(_name(name, example) for name, example in action.names.items()),
            *_action_query(action),
            *(_header(*one) for one in _HEADERS if one[0] in action.takes),
        ],
        "responses": {
            **good,
            **{
                str(STATUS[code]): {"$ref": f"#/components/responses/{code}"}
                for code in sorted((*codes, "internal", "unavailable"), key=STATUS.__getitem__)
            },
        },
    }
    if action.body:
        schema = {"$ref": ref(action.body.__name__)}
        content = {JSON: {"schema": schema, "example": action.sends}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


# Argument of the use case, header and description.
_HEADERS: Final = (
    ("once", "Idempotency-Key", "Visible ASCII; the same for each attempt.", r"^[!-~]{1,200}$"),
    ("version", "If-Match", "An ETag of a read or a write, or `*`.", r"^[!-~]{1,200}$"),
)


def _header(_: str, name: str, description: str, pattern: str) -> Schema:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "header", "description": description, "schema": schema}


def _name(name: str, example: str) -> Schema:
    schema: Schema = {"type": "string", "minLength": 1, "maxLength": 300, "pattern": _TEXT}
    described = {"name": name, "in": "path", "required": True, "schema": schema}
    return described | {"example": example}


def _action_query(action: Action) -> list[Schema]:
    properties = members(action.query)
    return [
        _query_parameter(parameter, properties[name], None)
        for name, parameter in parameters_of(action.query).items()
    ]


def _path_parameters(endpoint: Endpoint) -> list[Schema]:
    if not endpoint.prefix:
        return []
    return [
        {
            "name": "id",
            "in": "path",
            "required": True,
            "description": "The id; slashes in it may be percent-encoded.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 300, "pattern": _TEXT},
            "example": endpoint.id,
        }
    ]


def _query_parameters(endpoint: Endpoint) -> list[Schema]:
    """Each field of the query struct; names, types, bounds and defaults are the struct's."""
    properties = members(endpoint.query)
    parameters = parameters_of(endpoint.query)
    return [
        _query_parameter(parameter, properties[name], endpoint.asks.get(name))
        for name, parameter in parameters.items()
    ]


def _query_parameter(parameter: Parameter, schema: Schema, example: str | None) -> Schema:
    described: Schema = {"name": parameter.name, "in": "query", "required": parameter.required}
    if "anyOf" in schema:  # a URL has no null: a parameter that is left out is what None means
        (one,) = (one for one in schema.pop("anyOf") if one != {"type": "null"})
        schema = one | schema
    if description := schema.pop("description", None):
        described["description"] = description
    if schema.get("default", UNSET) in (None, [], ()):
        del schema["default"]
    if isinstance(parameter.kind, inspect.DateTimeType):
        schema["format"] = "date-time"
    if isinstance(parameter.kind, inspect.DecimalType):
        least = 0 if parameter.name in NOT_NEGATIVE else 1 - 10**9
        schema |= {"minimum": least, "maximum": 10**9 - 1, "multipleOf": 1e-9}
    if parameter.many:
        described |= {"style": "form", "explode": False}
        schema["minItems"] = 1
        if parameter.name == "fields":
            schema["items"] = {"type": "string", "enum": list(model_members())}
        elif "enum" not in schema["items"]:
            schema["items"]["pattern"] = _ITEM
    elif schema.get("type") == "string" and not schema.keys() & {"enum", "format"}:
        schema["pattern"] = _TEXT
    described["schema"] = schema
    if example is not None:
        described["example"] = _typed(example, schema)
    return described


def _typed(example: str, schema: Schema) -> Any:
    match schema.get("type"):
        case "array":
            return example.split(",")
        case "integer":
            return int(example)
        case "number":
            return float(example)
        case "boolean":
            return example == "true"
    return example


# What each error means, and a message as an example.
_ERRORS: Final = {
    "invalid_request": (
        "The question is wrong: the message names the parameter and says what would be right.",
        "page must be a whole number from 1 to 1000000, not '0'",
    ),
    "unauthorized": (
        "There is no token, or it is unknown, expired or revoked.",
        "a token is needed: send `Authorization: Bearer TOKEN`",
    ),
    "forbidden": (
        "The token's scope is too small.",
        "the token nightly has scope pipeline: this needs admin",
    ),
    "conflict": (
        "The write contradicts what is stored.",
        "run 0b6f7a52 was closed as success at 2026-11-22T21:54:00.000Z: open another",
    ),
    "precondition_failed": (
        "The row has changed since the version that `If-Match` names.",
        "the row has changed since the version that If-Match names: details hold it as it is",
    ),
    "payload_too_large": (
        "The body is over the limit.",
        "the body is larger than the 8388608 bytes that are read: send it in parts",
    ),
    "not_found": ("There is no such thing.", "there is no model anthropic/claude-sonet-4-5"),
    "internal": ("Something is wrong with the service.", "something went wrong on our side"),
    "unavailable": (
        "The database is away: try again after `Retry-After`.",
        "the database did not answer in time",
    ),
}


def _errors() -> Schema:
    schema = {"$ref": ref("ErrorResponse")}
    found: Schema = {}
    for code, (description, message) in _ERRORS.items():
        error = {"code": code, "message": message}
        example = {"data": None, "meta": AnswerMeta(), "error": error}
        content = {JSON: {"schema": schema, "example": example}}
        found[code] = {"description": description, "content": content}
    found["unavailable"]["headers"] = {
        "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}
    }
    return found
