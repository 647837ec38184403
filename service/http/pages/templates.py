"""Templates, which lie beside the code that fills them; what they show is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import jinja2

import service
from service.http.pages import assets
from service.http.pages.forms import link, query_values
from service.http.pages.values import exact, shown

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


def number(value: Decimal | int) -> str:
    """A number exactly, its thousands apart."""
    return format(value, ",f" if isinstance(value, Decimal) else ",d")


def words(name: str) -> str:
    """A name of the API as words."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name)


def host(url: str) -> str:
    """What a link to another site is called; the URL itself where it is malformed."""
    try:
        return urlsplit(url).netloc.removeprefix("www.")
    except ValueError:
        return url


_environment.filters |= {
    "exact": exact,
    "host": host,
    "number": number,
    "shown": shown,
    "tuple": tuple,
    "words": words,
}
_environment.globals |= {
    "asset": assets.url,
    "link": link,
    "query_values": query_values,
    "version": service.__version__,
}
