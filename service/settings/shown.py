"""Settings as people see them, without what is secret in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import unquote

from service.settings.reading import TYPES, VARIABLES, Settings
from service.settings.setting import PASSWORD, shown, type_name

# Characters that make a secret: without shorter ones log lines can still be read.
_SECRET: Final = 4


class SettingRow(NamedTuple):
    """One line of the settings table; `shown` is the value without what is secret in it."""

    variable: str
    field: str
    type: str
    default: str
    help: str
    shown: str


def describe(settings: Settings | None = None) -> Iterator[SettingRow]:
    """The settings table, with the values of `settings`."""
    settings = settings or Settings()
    for variable, field in VARIABLES.items():
        value = getattr(settings, field.name)
        also = field.metadata["also"]
        yield SettingRow(
            variable=variable,
            field=field.name,
            type=type_name(TYPES[field.name]),
            default="" if field.default is None else str(field.default),
            help=field.metadata["help"]
            + (f" Else `{also}`." if also else "")
            + (" Or in a file: `…_FILE`." if field.metadata["file"] else ""),
            shown=shown(field, value),
        )


def markdown() -> str:
    """The settings table of docs/settings.md."""
    lines = ["| variable | type | default | |", "|---|---|---|---|"]
    for row in describe():
        default = f"`{row.default}`" if row.default else ""
        lines.append(f"| `{row.variable}` | {row.type} | {default} | {row.help} |")
    return "\n".join(lines)


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """What must never be shown, the longest first: secret settings, and passwords in URLs."""
    found: set[str] = set()
    for field in VARIABLES.values():
        value = getattr(settings, field.name)
        if not value or not field.metadata["file"]:
            continue
        if field.metadata["secret"]:
            found.add(value)
        else:
            found |= {unquote(one) for one in PASSWORD.findall(value)}
            found |= set(PASSWORD.findall(value))
    return tuple(sorted((one for one in found if len(one) >= _SECRET), key=lambda one: -len(one)))
