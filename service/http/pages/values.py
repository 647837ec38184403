"""Values of rows as pages show them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any


def exact(value: Decimal) -> str:
    """A decimal as the API writes it."""
    return format(value, "f")


def shown(value: Any) -> str:
    """A value of any field of a row."""
    match value:
        case None:
            return "unknown"
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return exact(value)
        case tuple():
            return ", ".join(map(str, value)) or "none"
    return str(value)
