"""Finding words in names and ids, with the same answer on every engine.

A word matches where it stands anywhere in the folded name or id. SQLite and libSQL find words of
two characters and more in a trigram index, Postgres all of them; single ones are scanned for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from service.domain.text import fold
from service.storage.database import Engine, Value

_TRIGRAM: Final = 3
# The trigram index of SQLite and libSQL, and the listing by it.
INDEX: Final = "listing_search AS s"
INDEXED: Final = f"{INDEX} CROSS JOIN listing AS l ON l.number = s.rowid"
# What no text but that of a deprecated model has: see the migration.
_DEPRECATED: Final = "'\"' || char(10, 10, 10) || '\"'"
_MARKED: Final = {"false": f"' NOT ' || {_DEPRECATED}", "true": f"' AND ' || {_DEPRECATED}"}


def words_of(q: str) -> list[str]:
    """The words of a query, folded, each once."""
    return list(dict.fromkeys(fold(q).split(" ")))


def is_indexed(word: str) -> bool:
    """Whether the trigram index leads to the word."""
    return len(word) >= _TRIGRAM - 1


def phrase(text: str) -> str:
    """Text as it stands for itself in a question to the trigram index."""
    return '"' + text.replace('"', '""') + '"'


def any_of(name: str, texts: Sequence[str]) -> tuple[str, dict[str, Value]]:
    """The condition on the index that it holds one of the texts, and parameters.

    A text shorter than a trigram is looked for by all trigrams that begin with it.
    """
    if min(map(len, texts)) >= _TRIGRAM:
        return f":{name}", {name: " OR ".join(map(phrase, texts))}
    params: dict[str, Value] = {f"{name}{i}": text for i, text in enumerate(texts)}
    terms = " UNION ALL ".join(
        f"SELECT term FROM listing_terms WHERE term BETWEEN :{key}"
        f" AND :{key} || char(1114111, 1114111)"
        for key in params
    )
    either = "group_concat('\"' || replace(term, '\"', '\"\"') || '\"', ' OR ')"
    # Where there are none, an empty phrase, which nothing holds.
    return f"(SELECT coalesce({either}, '\"\"') FROM ({terms}))", params


def any_ends(name: str, texts: Sequence[str]) -> tuple[str, dict[str, Value]]:
    """The same of the first and the last four characters of a text: few others hold both."""
    ends = (f"({phrase(text[:4])} AND {phrase(text[-4:])})" for text in texts)
    return f":{name}", {name: " OR ".join(ends)}


def all_of(
    words: Iterable[str], deprecated: Literal["false", "true", "any"] = "any"
) -> tuple[str, dict[str, Value]]:
    """The condition on the index that it holds all of the words, and parameters."""
    params: dict[str, Value] = {}
    asked = []
    for i, word in enumerate(words):
        sql, named = any_of(f"words{i}", [word])
        asked.append(f"'(' || {sql} || ')'")
        params |= named
    sql = " || ' AND ' || ".join(asked)
    return (sql if deprecated == "any" else f"'(' || {sql} || ')' || {_MARKED[deprecated]}"), params


def contains(words: Sequence[str]) -> tuple[list[str], dict[str, Value]]:
    """Conditions that the words are in the listing `l`, and parameters; scanned for on SQLite."""
    params: dict[str, Value] = {f"word{i}": f"%{like(word)}%" for i, word in enumerate(words)}
    return [f"l.search_text LIKE :{name} ESCAPE '\\'" for name in params], params


def matching(engine: Engine, words: Sequence[str]) -> tuple[str, str, dict[str, Value]]:
    """FROM and WHERE of the listing rows `l` that hold all the words, with parameters."""
    indexed = [] if engine == "postgres" else [word for word in words if is_indexed(word)]
    texts, params = contains(words)
    conditions = [text for word, text in zip(words, texts, strict=True) if word not in indexed]
    if not indexed:
        return "listing AS l", " AND ".join(conditions), params
    found, named = all_of(indexed)
    return INDEXED, " AND ".join((f"s.listing_search MATCH {found}", *conditions)), params | named


def like(text: str) -> str:
    """Text as it stands for itself in a LIKE pattern with backslash as the escape character."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
