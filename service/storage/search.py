"""Ranked search over models and providers."""

from __future__ import annotations

import datetime
from typing import NamedTuple, cast

from service.domain.queries import SearchQuery
from service.domain.search import RANKS, Match
from service.domain.text import fold
from service.storage.database import Database, Row, Statement, Value
from service.storage.mapping import PRICE
from service.storage.matching import (
    INDEX,
    INDEXED,
    any_ends,
    any_of,
    contains,
    is_indexed,
    like,
    matching,
    words_of,
)
from service.storage.selection import price_key
from service.storage.snapshot import SNAPSHOT, Snapshot, read_snapshot

# What stands before a start, and before any other word; the commonest first.
_STARTS = ("\n", "/")
_BOUNDARIES = ("-", " ", ".", "_", ":", "(", "@")
# Characters from which on a start is looked for by the ends of the query, and then in the texts: of
# all of it the index would ask for each trigram.
_LONG = 8
_NEWLINE = {"sqlite": "char(10)", "libsql": "char(10)", "postgres": "chr(10)"}
# Matches as far as the page, and how many of one rank are found out to be ranked one by one.
_PAGE = ":page_size + :offset"
_KNOWN = f"{_PAGE} + 500"
# Models and providers in the order of the answer: whatever they are sorted by, and nothing else.
_ORDER = "f.rank, f.kind, f.host, f.deprecated, f.size, f.name_folded, f.id"
_HOST = "CASE WHEN l.canonical = l.model_id THEN 0 ELSE 1 END"
_MODELS = f"""
    SELECT * FROM (
    SELECT {{rank}} AS rank, 1 AS kind, {_HOST} AS host,
        l.deprecated, length(l.name_folded) AS size, l.name_folded, l.model_id AS id, l.number
    FROM {{start}}
    ORDER BY rank, host, deprecated, size, name_folded, id LIMIT :page_size + :offset
    ) AS f
"""
_PROVIDERS = """
    SELECT {rank} AS rank, 0 AS kind, 0 AS host, 0 AS deprecated, length(l.name_folded) AS size,
        l.name_folded, l.id, CAST(NULL AS BIGINT) AS number
    FROM (
        SELECT l.id, l.name_folded, {newline} || l.name_folded || {newline} || lower(l.id)
            AS search_text
        FROM (
            SELECT o.id, coalesce(o.name_folded, lower(o.name)) AS name_folded
            FROM providers AS o WHERE o.deleted_at IS NULL
        ) AS l
    ) AS l
    WHERE {condition}
"""


class MatchPage(NamedTuple):
    """A page of matches, best first, and the number of all."""

    matches: list[Match]
    total: int
    snapshot: Snapshot


def _patterns(q: str) -> tuple[list[str], list[str], list[str]]:
    """LIKE patterns for an exact match, a prefix and the start of a word, in that order.

    They are held against listing.search_text. Exact is the whole name, the whole id, or all that
    follows a slash in it.
    """
    exact = [f"%\n{like(q)}\n%", f"%\n{like(q)}", f"%/{like(q)}"]
    prefix = [f"%{start}{like(q)}%" for start in _STARTS]
    word = [f"%{like(boundary + q)}%" for boundary in _BOUNDARIES]
    return exact, prefix, word


def _tiers(q: str) -> list[tuple[str, str, list[str]]]:
    """The same as texts that the index of words holds, where two newlines are the end.

    Each by its name, after a condition; the rest is all that is found. What is the whole of a text
    is at its start, and needs to be told apart only where those are too many to be ranked.
    """
    many_starts = f"(SELECT 1 WHERE (SELECT count(*) FROM at_start) >= {_KNOWN}) AS e CROSS JOIN "
    return [
        ("at_whole", many_starts, [f"\n{q}\n", f"/{q}\n\n"]),
        ("at_start", "", [start + q for start in _STARTS]),
        ("at_word", "", [start + q for start in (*_STARTS, *_BOUNDARIES)]),
        ("found", "", []),
    ]


def _ranks(q: str) -> tuple[list[str], dict[str, Value]]:
    """Conditions for the places in `RANKS` but the last, in their order, and their parameters."""
    params: dict[str, Value] = {}
    conditions = []
    for rank, patterns in enumerate(_patterns(q)):
        names = {f"rank{rank}_{i}": pattern for i, pattern in enumerate(patterns)}
        params |= names
        conditions.append(" OR ".join(f"l.search_text LIKE :{name} ESCAPE '\\'" for name in names))
    return conditions, params


def _first(conditions: list[str]) -> str:
    """The place of the first condition that holds, or the one after them."""
    cases = (f"WHEN {condition} THEN {rank}" for rank, condition in enumerate(conditions))
    return f"CASE {' '.join(cases)} ELSE {len(conditions)} END"


def _scanned(words: list[str], ranks: list[str]) -> tuple[str, str, str, dict[str, Value]]:
    """Models that hold the words, as far as they may be on the page, where a text tells its rank.

    What their statement begins with, after a first common table; the models, their number, and
    parameters.
    """
    start, condition, params = matching("postgres", words)
    common = f", found AS MATERIALIZED (SELECT l.* FROM {start} WHERE {condition})"
    models = _MODELS.format(rank=_first(ranks), start="found AS l")
    return common, models, "SELECT count(*) FROM found", params


def _indexed(q: str, words: list[str], ranks: list[str]) -> tuple[str, str, str, dict[str, Value]]:
    """The same with the index of words, where few texts are looked at however many match.

    The page is of the best ranks that fill it. All models of those are known, unless there are many
    more of the last rank: of that one the first are then read in the order of a search.
    """
    start, condition, params = matching("sqlite", words)
    found = f"SELECT l.number FROM {start} WHERE {condition}"
    if all(map(is_indexed, words)):
        found = f"SELECT s.rowid AS number FROM {INDEX} WHERE {condition}"
    total = f"""
        SELECT CASE WHEN (SELECT count(*) FROM found) < {_KNOWN} THEN (SELECT count(*) FROM found)
            ELSE (SELECT count(*) FROM ({found})) END
    """
    common = f", found AS MATERIALIZED ({found} LIMIT {_KNOWN})"
    places, sizes, known = f"WHEN (SELECT count(*) FROM found) < {_KNOWN} THEN 3", "", ""
    for place, (name, after, texts) in enumerate(_tiers(q)):
        if texts:
            if len(q) < _LONG:
                start, (question, named) = INDEX, any_of(name, texts)
            else:
                start, (question, named) = INDEXED, any_ends(name, texts)
                question += f" AND ({' OR '.join(ranks[place and 1 : place + 1])})"
            params |= named
            common += f""", {name} AS MATERIALIZED (
                SELECT s.rowid AS number FROM {after}{start}
                WHERE s.listing_search MATCH {question} LIMIT {_KNOWN}
            )"""
            places += f" WHEN (SELECT count(*) FROM {name}) >= {_PAGE} THEN {place}"
        sizes += f" WHEN {place} THEN (SELECT count(*) FROM {name})"
        # A limit of none keeps what is not needed from being made; a negative one is none.
        known += f"""SELECT * FROM (
                SELECT number FROM (SELECT number FROM {name} LIMIT -1)
                LIMIT (SELECT -(place = {place} + is_more) FROM tier)
            ) UNION ALL """
    texts, named = contains(words)
    params |= named
    common += f""", tier AS MATERIALIZED (
            SELECT place, CASE place {sizes} END >= {_KNOWN} AS is_more
            FROM (SELECT CASE {places} ELSE 3 END AS place) AS t
        ), near AS MATERIALIZED (
            {known}
            SELECT * FROM (
                SELECT l.number FROM listing AS l INDEXED BY listing_ranked
                WHERE {" AND ".join(texts)} AND {_first(ranks)} = (SELECT place FROM tier)
                ORDER BY {_HOST}, l.deprecated, length(l.name_folded), l.name_folded, l.model_id
                LIMIT (SELECT is_more * ({_PAGE}) FROM tier)
            )
        )"""
    near = "near AS n CROSS JOIN listing AS l ON l.number = n.number"
    models = _MODELS.format(rank=_first(ranks), start=near)
    return common, models, total, params


async def page(db: Database, query: SearchQuery, as_of: datetime.date | None) -> MatchPage:
    """A page of what matches all words of the query, in one round trip.

    Ranked by how the whole query stands in name or id; among equals providers first, then models
    at their maker, models that are not deprecated, shorter names, and ids in order.
    """
    words = words_of(query.q)
    ranks, patterns = _ranks(fold(query.q))
    if db.engine == "postgres":
        common, models, total, params = _scanned(words, ranks)
    else:
        common, models, total, params = _indexed(fold(query.q), words, ranks)
    conditions, any_words = contains(words)
    providers = _PROVIDERS.format(
        rank=_first(ranks), newline=_NEWLINE[db.engine], condition=" AND ".join(conditions)
    )
    params |= patterns | any_words
    params |= {"page_size": query.page_size, "offset": (query.page - 1) * query.page_size}
    if as_of is not None:
        params["as_of"] = as_of.isoformat()
    # The total stands in each row, and in one without a match where the page is empty.
    rows, snapshot = await db.fetch(
        Statement(
            "search.page",
            f"""
            WITH found_providers AS MATERIALIZED ({providers}){common}
            SELECT f.kind, f.rank, f.id, coalesce(m.name, o.name), coalesce(l.provider_id, o.id),
                f.deprecated, l.context_window, {PRICE.select("p")}, t.total
            FROM (SELECT ({total}) + (SELECT count(*) FROM found_providers) AS total) AS t
            LEFT JOIN (
                SELECT * FROM (SELECT * FROM found_providers UNION ALL {models}) AS f
                ORDER BY {_ORDER} LIMIT :page_size OFFSET :offset
            ) AS f ON 1 = 1
            LEFT JOIN providers AS o ON f.kind = 0 AND o.id = f.id
            LEFT JOIN models AS m ON f.kind = 1 AND m.id = f.id
            LEFT JOIN listing AS l ON l.number = f.number
            LEFT JOIN pricing AS p ON p.id = {price_key(as_of)}
            ORDER BY {_ORDER}
            """,
            params,
        ),
        SNAPSHOT,
    )
    matches = [_match(row) for row in rows if row[0] is not None]
    return MatchPage(matches, cast(int, rows[0][-1]), read_snapshot(snapshot))


def _match(row: Row) -> Match:
    kind, rank, id, name, provider_id, deprecated, context_window = row[:7]
    return Match(
        kind="model" if kind else "provider",
        id=cast(str, id),
        name=cast(str, name),
        match=RANKS[cast(int, rank)],
        provider_id=cast(str, provider_id),
        deprecated=bool(deprecated),
        context_window=cast("int | None", context_window),
        pricing=PRICE.read_optional(row, 7),
    )
