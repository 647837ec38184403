"""Finding words in names and ids, with the same answer on every engine.

A word matches where it stands anywhere in the folded name or id. SQLite and libSQL find words of
three characters and more in a trigram index, Postgres all of them; shorter ones are scanned for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from service.domain.text import fold
from service.storage.database import Engine, Value

_TRIGRAM: Final = 3
# The listing by the trigram index of SQLite and libSQL, and the condition on `:words`.
INDEXED: Final = (
    "listing_search AS s CROSS JOIN listing AS l ON l.number = s.rowid",
    "s.listing_search MATCH :words",
)


def words_of(q: str) -> list[str]:
    """The words of a query, folded, each once."""
    return list(dict.fromkeys(fold(q).split(" ")))


def is_indexed(word: str) -> bool:
    """Whether the trigram index knows the word."""
    return len(word) >= _TRIGRAM


def phrases(words: Sequence[str]) -> str:
    """What to ask the trigram index for, to find those of the words that it knows."""
    return " AND ".join(phrase(word) for word in words if is_indexed(word))


def phrase(text: str) -> str:
    """Text as it stands for itself in a question to the trigram index."""
    return '"' + text.replace('"', '""') + '"'


def contains(words: Sequence[str]) -> tuple[list[str], dict[str, Value]]:
    """Conditions that the words are in the listing `l`, and parameters; scanned for on SQLite."""
    params: dict[str, Value] = {f"word{i}": f"%{like(word)}%" for i, word in enumerate(words)}
    return [f"l.search_text LIKE :{name} ESCAPE '\\'" for name in params], params


def matching(engine: Engine, words: Sequence[str]) -> tuple[str, str, dict[str, Value]]:
    """FROM and WHERE of the listing rows `l` that hold all the words, with parameters."""
    if engine == "postgres" or not any(map(is_indexed, words)):
        conditions, params = contains(words)
        return "listing AS l", " AND ".join(conditions), params
    start, condition = INDEXED
    conditions, params = contains([word for word in words if not is_indexed(word)])
    params["words"] = phrases(words)
    return start, " AND ".join((condition, *conditions)), params


def like(text: str) -> str:
    """Text as it stands for itself in a LIKE pattern with backslash as the escape character."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
