"""Ranked search over models and providers."""

from __future__ import annotations

import datetime
from typing import NamedTuple, cast

from service.domain.queries import SearchQuery
from service.domain.search import RANKS, Match
from service.domain.text import fold
from service.storage.database import Database, Engine, Row, Statement, Value
from service.storage.mapping import PRICE
from service.storage.matching import (
    INDEXED,
    contains,
    is_indexed,
    like,
    matching,
    phrase,
    words_of,
)
from service.storage.selection import price_key
from service.storage.snapshot import SNAPSHOT, Snapshot, read_snapshot

# What stands before a word in names and ids, beside the start of either.
_BOUNDARIES = (" ", "-", ".", ":", "@", "(", "_", "/")


_NEWLINE = {"sqlite": "char(10)", "libsql": "char(10)", "postgres": "chr(10)"}
# Models and providers in the order of the answer: whatever they are sorted by, and nothing else.
_ORDER = "f.rank, f.kind, f.host, f.deprecated, f.size, f.name_folded, f.id"
_MODELS = """
    SELECT {rank} AS rank, 1 AS kind, CASE WHEN l.canonical = l.model_id THEN 0 ELSE 1 END AS host,
        l.deprecated, length(l.name_folded) AS size, l.name_folded, l.model_id AS id, l.number
    FROM {start} WHERE {condition}
"""
_PROVIDERS = """
    SELECT {rank} AS rank, 0 AS kind, 0 AS host, 0 AS deprecated, length(l.name_folded) AS size,
        l.name_folded, l.id, CAST(NULL AS BIGINT) AS number
    FROM (
        SELECT l.id, l.name_folded, {newline} || l.name_folded || {newline} || lower(l.id)
            AS search_text
        FROM (
            SELECT p.id, coalesce(p.name_folded, lower(p.name)) AS name_folded
            FROM providers AS p WHERE p.deleted_at IS NULL
        ) AS l
    ) AS l
    WHERE {condition}
"""
# Whether models that match exactly or at a start fill the page: all others come after them.
_ENOUGH = """(
    SELECT count(*) FROM (
        SELECT 1 FROM listing_search AS s WHERE s.listing_search MATCH :at_start
        LIMIT :page_size + :offset
    ) AS s
) = :page_size + :offset"""


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
    prefix = [f"%\n{like(q)}%", f"%/{like(q)}%"]
    word = [f"%{like(boundary + q)}%" for boundary in _BOUNDARIES]
    return exact, prefix, word


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


def _found(engine: Engine, q: str) -> tuple[str, str, str, dict[str, Value]]:
    """Providers, models as far as they may be on the page, the number of models; parameters."""
    words = words_of(q)
    ranks, params = _ranks(q)
    start, in_model, model_words = matching(engine, words)
    conditions, any_words = contains(words)
    params |= model_words | any_words
    providers = _PROVIDERS.format(
        rank=_first(ranks), newline=_NEWLINE[engine], condition=" AND ".join(conditions)
    )
    total = f"SELECT count(*) FROM {start} WHERE {in_model}"
    has_best = engine != "postgres" and is_indexed(f"/{q}")
    guard = f"(SELECT 1 WHERE NOT {_ENOUGH}) AS e CROSS JOIN " if has_best else ""
    models = _MODELS.format(rank=_first(ranks), start=f"{guard}{start}", condition=in_model)
    if has_best:
        start, at_start = INDEXED
        params["at_start"] = " OR ".join(phrase(mark + q) for mark in "\n/")
        if all(map(is_indexed, words)):
            total = f"SELECT count(*) FROM {start.partition(' CROSS')[0]} WHERE {in_model}"
        best = _MODELS.format(
            rank=_first(ranks[:1]),
            start=f"(SELECT 1 WHERE {_ENOUGH}) AS e CROSS JOIN {start}",
            condition=at_start.replace(":words", ":at_start"),
        )
        models = f"{best} UNION ALL {models}"
    return providers, models, total, params


async def page(db: Database, query: SearchQuery, as_of: datetime.date | None) -> MatchPage:
    """A page of what matches all words of the query, in one round trip.

    Ranked by how the whole query stands in name or id; among equals providers first, then models
    at their maker, models that are not deprecated, shorter names, and ids in order.
    """
    providers, models, total, params = _found(db.engine, fold(query.q))
    params |= {"page_size": query.page_size, "offset": (query.page - 1) * query.page_size}
    if as_of is not None:
        params["as_of"] = as_of.isoformat()
    # The total stands in each row, and in one without a match where the page is empty.
    rows, snapshot = await db.fetch(
        Statement(
            "search.page",
            f"""
            WITH found_providers AS MATERIALIZED ({providers})
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
