"""Text as it is compared: folded for search, checked for identity."""

from __future__ import annotations

import re
from typing import Final

# Provider ids are one path segment; model ids may hold `/`, `:`, `@`, `+`, `~` and more, but no
# comma, since ids stand in lists, and no segment that is empty or of dots alone, which paths lose
# on their way.
PROVIDER_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
MODEL_ID: Final = (
    r"^[A-Za-z0-9@~][A-Za-z0-9._:@+~=-]*(/\.*[A-Za-z0-9_:@+~=-][A-Za-z0-9._:@+~=-]*)*$"
)
# A whole model id: `provider/model`.
ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}/" + MODEL_ID.removeprefix("^")

URL: Final = r"^https?://[^\s]+$"
# A month or a day.
CUTOFF: Final = r"^[0-9]{4}-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?$"

_SPACE: Final = re.compile(r"\s+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")


def whole(text: str) -> int | None:
    """The whole number of up to 18 digits that is written as text, None for what only `int` takes
    for one.
    """
    return int(text) if _WHOLE.fullmatch(text) else None


def is_printable(text: str) -> bool:
    """Whether text has no control characters and no space around it."""
    return text == text.strip() and not _CONTROL.search(text)


def fold(text: str) -> str:
    """Casefolded with single spaces: the form in which names and queries are compared."""
    return _SPACE.sub(" ", text).strip().casefold()


def folded_name(name: str) -> str | None:
    """What is stored beside a name: its folded form where the database's `lower` would differ.

    SQLite's `lower` knows ASCII alone; for most names it is enough and nothing is stored.
    """
    folded = fold(name)
    return None if name.isascii() and folded == name.lower() else folded
