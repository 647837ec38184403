"""Between query strings and queries, as forms and links of pages write them."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

import msgspec

from service.domain.queries import Query
from service.http.params import parameters_of

# What the query part of a URL may hold as it is, beside letters and digits.
_SAFE: Final = ",/:@~"


def tidy(query_string: bytes, kind: type[Query]) -> bytes:
    """The query string as links write it, of one that a form sent.

    A form sends its empty fields too, and each of several values under the name again.
    """
    known = parameters_of(kind)
    places: dict[bytes, int] = {}
    parts: list[bytes] = []
    for part in query_string.split(b"&"):
        name, _, value = part.partition(b"=")
        parameter = known.get(name.decode("latin-1"))
        if parameter is not None and not value.replace(b"%20", b"+").strip(b"+"):
            continue
        if parameter is not None and parameter.many and name in places:
            parts[places[name]] += b"," + value
        else:
            places[name] = len(parts)
            parts.append(part)
    return b"&".join(parts)


def link(path: str, query: Query | None = None, /, **changes: Any) -> str:
    """The URL of a path for a query, some of its fields changed; defaults are left out."""
    if query is not None:
        values = query_values(msgspec.structs.replace(query, **changes))
    else:
        values = {name: _text(value) for name, value in changes.items()}
    encoded = "&".join(
        f"{name}={quote(text, safe=_SAFE).replace('%20', '+')}" for name, text in values.items()
    )
    return quote(path, safe=_SAFE + "+=") + (f"?{encoded}" if encoded else "")


def query_values(query: Query) -> dict[str, str]:
    """The parameters of a query that are not their defaults, by name, as a URL holds them."""
    return {
        field.encode_name: _text(value)
        for field in msgspec.structs.fields(query)
        if (value := getattr(query, field.name)) != field.default and value != ()
    }


def _text(value: Any) -> str:
    match value:
        case tuple():
            return ",".join(map(_text, value))
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case datetime.date():
            return value.isoformat()
    return str(value)
