"""Edits by hand over HTTP: the same five for each of the four tables."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from service.application import edits
from service.domain.benchmarks import Score
from service.domain.changes import Table
from service.domain.edits import EDITS, EditQuery
from service.domain.models import Model
from service.domain.pricing import Price
from service.domain.providers import Provider
from service.http.action import Action
from service.http.examples import MODEL, PRICE, PROVIDER, SCORE, one

# Noun, type and example of the rows of each table, and what a PUT of it may look like.
_KINDS: Final[dict[Table, tuple[str, type[Struct], Any, dict[str, Any]]]] = {
    "providers": ("Provider", Provider, PROVIDER, {"name": "Anthropic"}),
    "models": ("Model", Model, MODEL, {"name": "Claude Sonnet 4.5", "context_window": 200_000}),
    "pricing": ("Price", Price, PRICE, {"input_price": Decimal(3), "output_price": Decimal(15)}),
    "benchmarks": ("Score", Score, SCORE, {"score": Decimal(1451)}),
}
_MATCH: Final = (
    " With `If-Match` and any ETag that was read here, it is done only if the row has not changed "
    "since; if it has, `details` of the error hold the row as it is."
)


def _actions(table: Table) -> list[Action]:
    noun, kind, example, sends = _KINDS[table]
    word = noun.lower()
    made = table in ("providers", "models")
    row: Any = kind(**{field: getattr(example, field) for field in kind.__struct_fields__})
    common: dict[str, Any] = {
        "tag": table,
        "scope": "admin",
        "component": f"{noun}RowResponse",
        "data": kind,
        "example": one(row),
        "names": {"id": str(row.id)},
        "given": {"table": table},
    }
    refused = ("not_found", "precondition_failed")
    return [
        Action(
            method="PUT",
            path=f"/v1/{table}/{{id}}",
            operation=f"put{noun}",
            summary=f"Set a {word}",
            description=(
                f"Sets all of a {word} and locks what is given; what is left out becomes null or "
                "its default. " + (f"Makes a {word} that is not there." if made else "") + _MATCH
            ),
            use_case=edits.put,
            query=EditQuery,
            body=EDITS[table].whole,
            sends=EDITS[table].whole(**sends),
            errors=(*refused, "conflict", "payload_too_large"),
            **common,
        ),
        Action(
            method="PATCH",
            path=f"/v1/{table}/{{id}}",
            operation=f"patch{noun}",
            summary=f"Change a {word}",
            description=f"Sets the members of a {word} that are given and locks them." + _MATCH,
            use_case=edits.patch,
            query=EditQuery,
            body=EDITS[table].part,
            sends=EDITS[table].part(**sends),
            errors=(*refused, "conflict", "payload_too_large"),
            **common,
        ),
        Action(
            method="DELETE",
            path=f"/v1/{table}/{{id}}",
            operation=f"delete{noun}",
            summary=f"Delete a {word}",
            description=(
                f"Takes a {word} out of sight with all that belongs to it; it can be restored, "
                "and ingest leaves it alone." + _MATCH
            ),
            use_case=edits.delete,
            errors=refused,
            **common,
        ),
        Action(
            method="POST",
            path=f"/v1/{table}/{{id}}/restore",
            operation=f"restore{noun}",
            summary=f"Restore a {word}",
            description=f"Brings a deleted {word} back as it was." + _MATCH,
            use_case=edits.restore,
            errors=refused,
            **common,
        ),
    ]


ACTIONS: Final = tuple(action for table in _KINDS for action in _actions(table))
