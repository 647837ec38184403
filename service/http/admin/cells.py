"""How values are shown and typed: text of the one kind, JSON of the other."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from service.application.undo import differences
from service.domain.changes import Change
from service.domain.text import whole
from service.domain.viewer import VIEWS, Column, View
from service.errors import InvalidRequest
from service.http.pages import values
from service.http.reply import encode
from service.storage.viewer import ViewRow

_HINTS: Final = {
    "decimal": "US dollars per million tokens: empty is unknown, 0 is free.",
    "whole": "A whole number; empty is unknown.",
    "date": "A day like 2026-01-31; empty is unknown.",
    "moment": "A moment like 2026-01-31T12:00:00Z; empty is unknown.",
    "list": "Several with commas.",
}


def typed(column: Column, value: Any) -> str:
    """A value as it stands in the field where it is edited; empty for unknown."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case tuple():
            return ",".join(value)
    return encode(value).decode() if column.kind == "json" else str(value)


def shown(column: Column, value: Any) -> str:
    """A value as it is read: what is unknown, and what is free, say so."""
    if value is None:
        return "unknown" if column.editable else "–"
    match column.kind:
        case "flag":
            return "yes" if value else "no"
        case "decimal":
            return "0 (free)" if not value and "rice" in column.name else format(value, "f")
        case "whole":
            return f"{value:,}" if column.name not in ("id", "revision") else str(value)
        case "list":
            return ", ".join(value) or "none"
        case "json":
            return "–" if not value else typed(column, value)
        case "moment":
            return str(value)[:19].replace("T", " ")
    return str(value)


def hint(table: str, column: Column) -> str:
    """What to type."""
    if column.kind == "decimal" and table != "pricing":
        return "A number; empty is unknown." if column.nullable else "A number."
    text = _HINTS.get(column.kind, "")
    if column.kind == "list":
        return f"{text[:-1]}: {', '.join(column.choices)}."
    if not text and column.nullable:
        return "Empty is unknown."
    return text


def options(column: Column) -> list[tuple[str, str]]:
    """What a choice or flag can be set to, each with its words."""
    values = column.choices or ("true", "false")
    words = {"true": "yes", "false": "no"}
    unknown = [("", "unknown")] if column.nullable else []
    return [*unknown, *((value, words.get(value, value)) for value in values)]


def example(column: Column) -> str:
    """What a filter of the column may look like."""
    match column.kind:
        case "whole" | "decimal":
            return ">=3"
        case "date" | "moment":
            return "2025-01..2025-06"
        case "flag":
            return "true"
        case "choice" | "list":
            return column.choices[0]
    return ""


def label(column: Column) -> str:
    """The head of a column."""
    return "Change" if column.name == "after" else column.label


def acts(view: View) -> bool:
    """Whether something can be done with the rows of a view."""
    return view.table is not None or view.name in ("held", "changes")


def body_of(column: Column, text: str) -> bytes:
    """The body of the PATCH that sets a column to what was typed.

    What cannot be read as the column's kind is sent as text, and refused as the API refuses it.
    Raises `InvalidRequest` where that would say something that nobody typed.
    """
    text = text.strip()
    value: Any = text
    if not text and column.kind != "list":
        value = None
        if not column.nullable:
            raise InvalidRequest(f"{column.name} cannot be unknown: it needs a value")
    elif column.kind == "list":
        value = [one.strip() for one in text.split(",") if one.strip()]
    elif column.kind == "flag":
        value = {"true": True, "false": False}.get(text, text)
    elif column.kind == "whole" and (number := whole(text)) is not None:
        value = number
    return msgspec.json.encode({column.name: value})


def columns_of(view: View) -> list[Column]:
    """The columns that are shown by default."""
    return [view.by_name[name] for name in view.shown]


def changes_of(row: ViewRow) -> list[tuple[str, str, str]]:
    """The same of a row of the view of changes."""
    v = row.values
    names = ("revision", "table", "id", "kind", "before", "after", "actor")
    more = {"model_id": v["modelId"], "run_id": v["runId"], "changed_at": v["changedAt"]}
    return what_changed(Change(**{name: v[name] for name in names}, **more))


def what_changed(change: Change) -> list[tuple[str, str, str]]:
    """Fields with their values before and after, as they are read."""
    return [
        (name.replace("_", " "), values.shown(old), values.shown(new))
        for name, old, new in differences(change)
    ]


# What templates call.
TOOLS: Final[Mapping[str, Any]] = {
    "acts": acts,
    "changes_of": changes_of,
    "columns_of": columns_of,
    "example": example,
    "hint": hint,
    "label": label,
    "options": options,
    "shown": shown,
    "typed": typed,
    "tables": {view.name: view.title for view in VIEWS.values()},
}
