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
    is_indexed,
    like,
    matching,
    phrase,
    words_of,
)
from service.storage.selection import base_price
from service.storage.snapshot import SNAPSHOT, Snapshot, read_snapshot

# What stands before a word in names and ids, beside the start of either.
_BOUNDARIES = (" ", "-", ".", ":", "@", "(", "_", "/")


_NEWLINE = {"sqlite": "char(10)", "libsql": "char(10)", "postgres": "chr(10)"}
# A provider's text as listing.search_text is a model's.
_PROVIDER_TEXT = """
    SELECT p.id, p.name, coalesce(p.name_folded, lower(p.name)) AS name_folded,
        {newline} || coalesce(p.name_folded, lower(p.name)) || {newline} || lower(p.id) AS text
    FROM providers AS p WHERE p.deleted_at IS NULL
"""
_MODEL = """
    SELECT 1, CASE WHEN l.canonical = l.model_id THEN 0 ELSE 1 END, l.deprecated, l.name_folded,
        l.model_id, l.search_text, l.price_id, l.context_window, l.provider_id, NULL
"""
# Whether models that match exactly or at a start fill the page: all others come after them.
_ENOUGH = """(
    SELECT count(*) FROM (
        SELECT 1 FROM listing_search AS s WHERE s.listing_search MATCH :words_at_start
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


def _rank(q: str) -> tuple[str, dict[str, Value]]:
    """An expression for the place in `RANKS` of the column `text`, and its parameters."""
    params: dict[str, Value] = {}
    cases = []
    for rank, patterns in enumerate(_patterns(q)):
        names = {f"rank{rank}_{i}": pattern for i, pattern in enumerate(patterns)}
        params |= names
        conditions = " OR ".join(f"t.text LIKE :{name} ESCAPE '\\'" for name in names)
        cases.append(f"WHEN {conditions} THEN {rank}")
    return f"CASE {' '.join(cases)} ELSE {len(cases)} END", params


async def page(db: Database, query: SearchQuery, as_of: datetime.date | None) -> MatchPage:
    """A page of what matches all words of the query, in one round trip.

    Ranked by how the whole query stands in name or id; among equals providers first, then models
    at their maker, models that are not deprecated, shorter names, and ids in order.
    """
    q = fold(query.q)
    words = words_of(query.q)
    models, total, params = _models(db.engine, q, words)
    rank, patterns = _rank(q)
    provider_words = {f"provider_word{i}": f"%{like(word)}%" for i, word in enumerate(words)}
    in_provider = " AND ".join(f"p.text LIKE :{name} ESCAPE '\\'" for name in provider_words)
    params |= patterns | provider_words
    params |= {"page_size": query.page_size, "offset": (query.page - 1) * query.page_size}
    if as_of is not None:
        params["as_of"] = as_of.isoformat()
    order = "f.rank, f.kind, f.host, f.deprecated, f.size, f.name_folded, f.id"
    price = "f.price_id" if as_of is None else base_price("p.id", "f.id")
    # The total stands in each row, and in one without a match where the page is empty.
    rows, snapshot = await db.fetch(
        Statement(
            "search.page",
            f"""
            WITH matching_providers AS MATERIALIZED (
                SELECT 0 AS kind, 0 AS host, 0 AS deprecated, p.name_folded, p.id, p.text,
                    CAST(NULL AS BIGINT) AS price_id, CAST(NULL AS BIGINT) AS context_window,
                    p.id AS provider_id, p.name
                FROM ({_PROVIDER_TEXT.format(newline=_NEWLINE[db.engine])}) AS p
                WHERE {in_provider}
            )
            SELECT f.rank, f.kind, f.id, coalesce(m.name, f.name), f.provider_id, f.deprecated,
                f.context_window, {PRICE.select("c")}, n.total
            FROM (
                SELECT ({total}) + (SELECT count(*) FROM matching_providers) AS total
            ) AS n
            LEFT JOIN (
                SELECT f.* FROM (
                    SELECT t.*, {rank} AS rank, length(t.name_folded) AS size
                    FROM (SELECT * FROM matching_providers UNION ALL {models}) AS t
                ) AS f
                ORDER BY {order} LIMIT :page_size OFFSET :offset
            ) AS f ON 1 = 1
            LEFT JOIN models AS m ON f.kind = 1 AND m.id = f.id
            LEFT JOIN pricing AS c ON f.kind = 1 AND c.id = {price}
            ORDER BY {order}
            """,
            params,
        ),
        SNAPSHOT,
    )
    matches = [_match(row) for row in rows if row[0] is not None]
    return MatchPage(matches, cast(int, rows[0][-1]), read_snapshot(snapshot))


def _models(engine: Engine, q: str, words: list[str]) -> tuple[str, str, dict[str, Value]]:
    """Models that hold the words, with all that may be on the page; their number; parameters."""
    start, condition, params = matching(engine, words)
    everything = f"{_MODEL} FROM {start} WHERE {condition}"
    total = f"SELECT count(*) FROM {start} WHERE {condition}"
    if engine == "postgres" or not is_indexed(f"/{q}"):
        return everything, total, params
    if all(map(is_indexed, words)):
        total = "SELECT count(*) FROM listing_search AS s WHERE s.listing_search MATCH :words"
    params["words_at_start"] = " OR ".join(phrase(mark + q) for mark in "\n/")
    start, condition = INDEXED
    at_start = condition.replace(":words", ":words_at_start")
    return (
        f"{_MODEL} FROM {start} WHERE {at_start} AND {_ENOUGH}"
        f" UNION ALL {everything} AND NOT {_ENOUGH}",
        total,
        params,
    )


def _match(row: Row) -> Match:
    rank, kind, id, name, provider_id, deprecated, context_window = row[:7]
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
