"""Ranked search over models and providers."""

from __future__ import annotations

import datetime
from typing import NamedTuple, cast

from service.domain.queries import SearchQuery
from service.domain.search import RANKS, Match
from service.domain.text import fold
from service.storage.database import Database, Row, Statement, Value
from service.storage.mapping import PRICE
from service.storage.matching import like, matching, words_of
from service.storage.selection import base_price
from service.storage.snapshot import SNAPSHOT, Snapshot, read_snapshot

# What stands before a word in names and ids, beside the start of either.
_BOUNDARIES = (" ", "-", ".", ":", "@", "(", "_", "/")


_NEWLINE = {"sqlite": "char(10)", "libsql": "char(10)", "postgres": "chr(10)"}
# A provider's text as listing.search_text is a model's.
_PROVIDER_TEXT = """
    SELECT p.id, coalesce(p.name_folded, lower(p.name)) AS name_folded,
        coalesce(p.name_folded, lower(p.name)) || {newline} || lower(p.id) AS text
    FROM providers AS p WHERE p.deleted_at IS NULL
"""


class MatchPage(NamedTuple):
    """A page of matches, best first, and the number of all."""

    matches: list[Match]
    total: int
    snapshot: Snapshot


def _patterns(q: str) -> tuple[list[str], list[str], list[str]]:
    """LIKE patterns for an exact match, a prefix and the start of a word, in that order.

    They are held against a folded name, a newline and a lower-case id. Exact is the whole name,
    the whole id, or all that follows a slash in it.
    """
    exact = [f"{like(q)}\n%", f"%\n{like(q)}", f"%/{like(q)}"]
    prefix = [f"{like(q)}%", f"%\n{like(q)}%", f"%/{like(q)}%"]
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
    start, in_model, params = matching(db.engine, words_of(query.q))
    for i, word in enumerate(dict.fromkeys(q.split(" "))):
        params[f"provider_word{i}"] = f"%{like(word)}%"
    in_provider = " AND ".join(
        f"p.text LIKE :{name} ESCAPE '\\'" for name in params if name.startswith("provider_word")
    )
    providers = f"""
        SELECT 0 AS kind, 0 AS host, 0 AS deprecated, p.name_folded, p.id, p.text,
            CAST(NULL AS BIGINT) AS price_id, CAST(NULL AS BIGINT) AS context_window,
            p.id AS provider_id
        FROM ({_PROVIDER_TEXT.format(newline=_NEWLINE[db.engine])}) AS p WHERE {in_provider}
    """
    models = f"""
        SELECT 1, CASE WHEN l.canonical = l.model_id THEN 0 ELSE 1 END, l.deprecated,
            l.name_folded, l.model_id, l.search_text, l.price_id, l.context_window, l.provider_id
        FROM {start} WHERE {in_model}
    """
    rank, patterns = _rank(q)
    order = "f.rank, f.kind, f.host, f.deprecated, f.size, f.name_folded, f.id"
    price = "f.price_id" if as_of is None else base_price("p.id", "f.id")
    rows, total, snapshot = await db.fetch(
        Statement(
            "search.page",
            f"""
            SELECT f.rank, f.kind, f.id, coalesce(m.name, o.name), f.provider_id, f.deprecated,
                f.context_window, {PRICE.select("c")}
            FROM (
                SELECT f.* FROM (
                    SELECT t.*, {rank} AS rank, length(t.name_folded) AS size
                    FROM ({providers} UNION ALL {models}) AS t
                ) AS f
                ORDER BY {order} LIMIT :page_size OFFSET :offset
            ) AS f
            LEFT JOIN models AS m ON f.kind = 1 AND m.id = f.id
            LEFT JOIN providers AS o ON f.kind = 0 AND o.id = f.id
            LEFT JOIN pricing AS c ON f.kind = 1 AND c.id = {price}
            ORDER BY {order}
            """,
            params
            | patterns
            | {"page_size": query.page_size, "offset": (query.page - 1) * query.page_size}
            | ({} if as_of is None else {"as_of": as_of.isoformat()}),
        ),
        Statement(
            "search.total",
            f"""
            SELECT (SELECT count(*) FROM {start} WHERE {in_model})
                + (SELECT count(*) FROM ({providers}) AS p)
            """,
            params,
        ),
        SNAPSHOT,
    )
    return MatchPage([_match(row) for row in rows], cast(int, total[0][0]), read_snapshot(snapshot))


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
