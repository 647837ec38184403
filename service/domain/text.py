"""Text as it is compared: folded for search, checked for identity."""

from __future__ import annotations

import re
from typing import Final

# Provider ids are one path segment; model ids may hold `/`, `:`, `@`, `+`, `~` and more, but no
# comma: ids stand in lists.
PROVIDER_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
MODEL_ID: Final = r"^[A-Za-z0-9@~][A-Za-z0-9._:/@+~=-]{0,199}$"
# A whole model id: `provider/model`.
ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}/[A-Za-z0-9@~][A-Za-z0-9._:/@+~=-]{0,199}$"

_SPACE: Final = re.compile(r"\s+")


def fold(text: str) -> str:
    """Casefolded with single spaces: the form in which names and queries are compared."""
    return _SPACE.sub(" ", text).strip().casefold()


def folded_name(name: str) -> str | None:
    """What is stored beside a name: its folded form where the database's `lower` would differ.

    SQLite's `lower` knows ASCII alone; for most names it is enough and nothing is stored.
    """
    folded = fold(name)
    return None if name.isascii() and folded == name.lower() else folded
