"""Finding words in names and ids, with the same answer on every engine.

A word matches where it stands anywhere in the folded name or id. SQLite and libSQL find words of
three characters and more in a trigram index, Postgres all of them; shorter ones are scanned for.
"""

from __future__ import annotations

from service.domain.text import fold
from service.storage.database import Engine, Value

TRIGRAM = 3


def contains(engine: Engine, q: str, alias: str = "l") -> tuple[str, dict[str, Value]]:
    """A condition on the listing under `alias` and its parameters: all words of `q` are there."""
    words = list(dict.fromkeys(fold(q).split(" ")))
    if engine == "postgres":
        indexed, scanned = [], words
    else:
        indexed = [word for word in words if len(word) >= TRIGRAM]
        scanned = [word for word in words if len(word) < TRIGRAM]
    conditions: list[str] = []
    params: dict[str, Value] = {}
    if indexed:
        conditions.append(
            f"{alias}.number IN "
            "(SELECT rowid FROM listing_search WHERE listing_search MATCH :words)"
        )
        params["words"] = " AND ".join('"' + word.replace('"', '""') + '"' for word in indexed)
    for i, word in enumerate(scanned):
        conditions.append(f"{alias}.search_text LIKE :word{i} ESCAPE '\\'")
        params[f"word{i}"] = f"%{like(word)}%"
    return " AND ".join(conditions), params


def like(text: str) -> str:
    """Text as it stands for itself in a LIKE pattern with backslash as the escape character."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
