"""What a person may set on a row by hand: what a source may, without what names the row."""

from __future__ import annotations

import typing
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from service.domain.benchmarks import ScoreRow
from service.domain.changes import Table
from service.domain.models import ModelRow
from service.domain.pricing import PriceRow
from service.domain.providers import ProviderRow
from service.domain.queries import Query

# Members of a row that name it, and so cannot be edited.
_NAMING: Final = frozenset(
    {"id", "provider_id", "model_id", "benchmark_name"}
    | {"effective_date", "observed_on", "service_tier", "context_threshold"}
)


class EditTypes(NamedTuple):
    """The bodies of PUT, which says all there is to say, and of PATCH, which says what changes."""

    whole: type[Struct]
    part: type[Struct]


def _edits(name: str, row: type[Struct]) -> EditTypes:
    hints = typing.get_type_hints(row, include_extras=True)
    required = {field.name for field in msgspec.structs.fields(row) if field.required}
    fields = [field for field in row.__struct_fields__ if field not in _NAMING]
    options: dict[str, Any] = {
        "frozen": True, "kw_only": True, "rename": "camel", "forbid_unknown_fields": True,
        "module": __name__,
    }  # fmt: skip
    part = [(field, hints[field] | UnsetType, UNSET) for field in fields]
    whole: list[Any] = [
        (field, hints[field]) if field in required else one
        for field, one in zip(fields, part, strict=True)
    ]
    texts = (
        {"__doc__": "All there is to set; a member left out becomes null or its default."},
        {"__doc__": "What to change; a member left out stays as it is, null makes it unknown."},
    )
    return EditTypes(
        msgspec.defstruct(name, whole, namespace=texts[0], **options),
        msgspec.defstruct(f"{name}Patch", part, namespace=texts[1], **options),
    )


EDITS: Final[dict[Table, EditTypes]] = {
    "providers": _edits("ProviderEdit", ProviderRow),
    "models": _edits("ModelEdit", ModelRow),
    "pricing": _edits("PriceEdit", PriceRow),
    "benchmarks": _edits("ScoreEdit", ScoreRow),
}


class EditQuery(Query, frozen=True, kw_only=True):
    """`PUT` and `PATCH` of a row."""

    lock: Annotated[
        bool, Meta(description="Whether ingest leaves the given fields alone from now on.")
    ] = True
