"""JSON Schemas of what is asked and answered, made from the structs themselves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args, get_type_hints

import msgspec
from msgspec import UNSET, Struct, UnsetType

from service.domain.answers import AnswerMeta
from service.domain.changes import Change, ChangedRow
from service.http.action import Action
from service.http.endpoint import Endpoint

Schema: TypeAlias = dict[str, Any]
_REF: Final = "#/components/schemas/{name}"
ErrorCode = Literal[
    "invalid_request", "unauthorized", "forbidden", "not_found", "method_not_allowed", "conflict",
    "precondition_failed", "payload_too_large", "misdirected", "rate_limited", "internal",
    "unavailable",
]  # fmt: skip


class Error(Struct, frozen=True):
    """What was wrong, and what would be right."""

    code: ErrorCode
    message: str
    details: Any | UnsetType = UNSET


class ErrorResponse(Struct, frozen=True):
    """The answer to a request that failed."""

    data: None
    meta: AnswerMeta
    error: Error


def ref(name: str) -> str:
    """The reference to a component."""
    return _REF.format(name=name)


def components(endpoints: Sequence[Endpoint], actions: Sequence[Action] = ()) -> Schema:
    """The schemas of all answers, by names fit for generated clients."""
    answers = {one.component: one.data for one in endpoints if one.component}
    answers |= {one.component: one.data for one in actions}
    bodies = dict.fromkeys(one.body for one in actions if one.body)
    types = [
        msgspec.defstruct(name, [("data", describable(data)), ("meta", AnswerMeta)])
        for name, data in answers.items()
    ]
    _, schemas = msgspec.json.schema_components(
        [*types, *get_args(ChangedRow), ErrorResponse, *bodies], ref_template=_REF
    )
    _, sent = msgspec.json.schema_components(bodies, ref_template=_REF)
    for name, schema in schemas.items():
        if name not in sent:  # what is sent may leave members out
            _always_there(schema)
    for endpoint in endpoints:
        if endpoint.component and "fields" in endpoint.query.__struct_fields__:
            _allow_fewer_members(schemas, endpoint.component)
    plain: Schema = _plain(schemas)
    return plain


def members(struct: type[Struct]) -> Schema:
    """The schema of each member of a struct, by its name in JSON."""
    _, schemas = msgspec.json.schema_components([struct], ref_template=_REF)
    properties: Schema = _plain(schemas[struct.__name__]["properties"])
    return properties


def describable(data: Any) -> Any:
    """The type of an answer in a form that msgspec can describe.

    It can encode a union of structs, but not decode it, and so refuses to describe it.
    """
    if data != list[Change]:
        return data
    refs = [{"$ref": ref(row.__name__)} for row in get_args(ChangedRow)]
    row = Annotated[Any, msgspec.Meta(extra_json_schema={"anyOf": [*refs, {"type": "null"}]})]
    hints = get_type_hints(Change, include_extras=True) | {"before": row, "after": row}
    names = {"__doc__": Change.__doc__}
    change: Any = msgspec.defstruct("Change", list(hints.items()), rename="camel", namespace=names)
    return list[change]


def _always_there(schema: Schema) -> None:
    """Mark members that have a default as required: answers carry them always."""
    properties: dict[str, Schema] = schema.get("properties", {})
    required = set(schema.get("required", ()))
    required |= {name for name, one in properties.items() if "default" in one}
    for one in properties.values():
        one.pop("default", None)
    if required:
        schema["required"] = [name for name in properties if name in required]


def _allow_fewer_members(schemas: Schema, response: str) -> None:
    """With `fields` an answer holds only those members: none of them is always there."""
    whole, some = schemas["ModelDetail"], "ModelMembers"
    text = "Those members of a model that `fields` names."
    schemas[some] = {"title": some, "description": text} | {
        key: whole[key] for key in ("type", "properties")
    }
    properties = schemas[response]["properties"]
    full = properties["data"]
    fewer = json.loads(json.dumps(full).replace("/ModelDetail", f"/{some}"))
    properties["data"] = {"anyOf": [full, fewer]}


def _plain(schema: Any) -> Any:
    """What msgspec leaves out or sees otherwise: decimals are numbers here, choices are strings."""
    if isinstance(schema, dict):
        changed = {key: _plain(value) for key, value in schema.items()}
        if changed.get("format") == "decimal":
            del changed["format"]
            changed["type"] = "number"
        if all(isinstance(one, str) for one in changed.get("enum", (None,))):
            changed["type"] = "string"
        return changed
    return [_plain(one) for one in schema] if isinstance(schema, list) else schema
