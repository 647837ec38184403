"""Templates, which lie beside the code that fills them; what they show is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import jinja2

import service
from service.http.pages import assets
from service.http.pages.forms import link, query_values

_environment: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent.parent),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, values: Mapping[str, Any]) -> bytes:
    """A template filled in."""
    return _environment.get_template(template).render(values).encode()


def number(value: Decimal | int | None) -> str:
    """A number exactly, its thousands apart."""
    return "unknown" if value is None else format(value, ",f" if value % 1 else ",.0f")


def usd(value: Decimal | None) -> str:
    """A price exactly: unknown is not free."""
    if value is None:
        return "unknown"
    return f"${format(value, 'f')}" if value else "free"


_environment.filters |= {"number": number, "usd": usd}
_environment.globals |= {
    "asset": assets.url,
    "link": link,
    "query_values": query_values,
    "version": service.__version__,
}
