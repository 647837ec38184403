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

# What stands before a start, and before any other word; the commonest first.
_STARTS = ("\n", "/")
_BOUNDARIES = ("-", " ", ".", "_", ":", "(", "@")


_NEWLINE = {"sqlite": "char(10)", "libsql": "char(10)", "postgres": "chr(10)"}
# Models and providers in the order of the answer: whatever they are sorted by, and nothing else.
_ORDER = "f.rank, f.kind, f.host, f.deprecated, f.size, f.name_folded, f.id"
_MODELS = """
    SELECT * FROM (
    SELECT {rank} AS rank, 1 AS kind, CASE WHEN l.canonical = l.model_id THEN 0 ELSE 1 END AS host,
        l.deprecated, length(l.name_folded) AS size, l.name_folded, l.model_id AS id, l.number
    FROM {start} WHERE {condition}
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
# Models that match a question to the trigram index, no more than fill the page.
_ENOUGH = """, {name} AS MATERIALIZED (
    SELECT s.rowid AS number FROM listing_search AS s WHERE s.listing_search MATCH :{name}
    LIMIT :page_size + :offset
)"""


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


def _models(
    engine: Engine, q: str, words: list[str], ranks: list[str]
) -> tuple[str, str, str, dict[str, Value]]:
    """Models that hold the words, as far as they may be on the page.

    What their statement begins with, after a first common table; the models, their number, and
    parameters.
    """
    start, condition, params = matching(engine, words)
    total = f"SELECT count(*) FROM {start} WHERE {condition}"
    if engine == "postgres" or not is_indexed(f"/{q}"):
        return (
            "",
            _MODELS.format(rank=_first(ranks), start=start, condition=condition),
            total,
            params,
        )
    if all(map(is_indexed, words)):
        total = "SELECT count(*) FROM listing_search AS s WHERE s.listing_search MATCH :words"
    # Models of a better rank alone, if they fill the page. SQLite skips a branch that begins with
    # nothing, and no other. Where texts are to be looked through, the start of a word is next.
    # Those that did not fill it are few, and known: no text is compared to tell them from others.
    tiers = [("at_start", _STARTS, _first(ranks[:1])), ("at_word", (*_STARTS, *_BOUNDARIES), "2")]
    common, branches, before, cases = "", [], "1 = 1", ""
    for name, marks, rank in tiers[:1] if "words" in params else tiers:
        params[name] = " OR ".join(phrase(mark + q) for mark in marks)
        common += _ENOUGH.format(name=name)
        enough = f"(SELECT count(*) FROM {name}) = :page_size + :offset"
        best_start, best = INDEXED
        branches.append(
            _MODELS.format(
                rank=f"CASE {cases} ELSE {rank} END" if cases else rank,
                start=f"(SELECT 1 WHERE {before} AND {enough}) AS e CROSS JOIN {best_start}",
                condition=best.replace(":words", f":{name}"),
            )
        )
        cases += f" WHEN l.number IN (SELECT number FROM {name}) THEN {rank}"
        before = f"NOT {enough}"
    if "words" in params:
        cases += f" WHEN {ranks[2]} THEN 2"
    branches.append(
        _MODELS.format(
            rank=f"CASE {cases} ELSE 3 END",
            start=f"(SELECT 1 WHERE {before}) AS e CROSS JOIN {start}",
            condition=condition,
        )
    )
    return common, " UNION ALL ".join(branches), total, params


async def page(db: Database, query: SearchQuery, as_of: datetime.date | None) -> MatchPage:
    """A page of what matches all words of the query, in one round trip.

    Ranked by how the whole query stands in name or id; among equals providers first, then models
    at their maker, models that are not deprecated, shorter names, and ids in order.
    """
    words = words_of(query.q)
    ranks, patterns = _ranks(fold(query.q))
    common, models, total, params = _models(db.engine, fold(query.q), words, ranks)
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
