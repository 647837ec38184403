"""A page of what a selection leaves, in order, and how many rows there are in all."""

from __future__ import annotations

from typing import NamedTuple

from service.domain.queries import ModelSort
from service.storage.selection import Selection

# The columns to sort by, and the indexes that hold the listing in their order.
_SORTS: dict[str, tuple[str, str]] = {
    "name": ("l.name_folded", "listing_name"),
    "provider": ("l.provider_id", "listing_provider"),
    "releaseDate": ("l.release_date", "listing_released"),
    "contextWindow": ("l.context_window", "listing_context"),
    "maxOutput": ("l.max_output", "listing_output"),
    "inputPrice": ("l.input_price", "listing_input_price"),
    "outputPrice": ("l.output_price", "listing_output_price"),
    "updatedAt": ("l.updated_at", "listing_updated"),
    # Only beside a benchmark, whose scores are then the start.
    "score": ("b.score", "listing_name"),
}
_IDS = "listing_ids"
# The sorts whose order an index has to the last key.
_INDEXED = {
    *((), ("name",), ("provider",), ("inputPrice",), ("outputPrice",)),
    *(("-releaseDate",), ("-contextWindow",), ("-maxOutput",), ("-updatedAt",)),
}
# For counting and grouping, where no order is wanted.
KINDS = "listing_kinds"
# Rows with a rare word that are sorted; with a common one, the list is read in its order instead.
_FEW = 20_000
# Rows before the page from which on it is worth while to count those that are alike in the first
# key, rather than to sort them all.
_DEEP = 2_000


class Paging(NamedTuple):
    """Parts of a statement that reads one page.

    `rows` has the columns `number` and `id` of the listing and `key0`, `key1`, …; it and `total`
    may use what `common` defines, a WITH clause or nothing. `order` is for `rows AS n`. Parameters
    are those of the selection, `:page_size` and `:offset`.
    """

    common: str
    total: str
    rows: str
    order: str


def paging(found: Selection, sort: tuple[ModelSort, ...], offset: int) -> Paging:
    """The page in the order of `sort`: unknown values last, ties broken by id."""
    columns, order = "l.number, l.model_id AS id", ""
    for i, key in enumerate(sort):
        columns += f", {found.column(_SORTS[key.lstrip('-')][0])} AS key{i}"
        order += f"n.key{i} {'DESC' if key.startswith('-') else 'ASC'} NULLS LAST, "
    order += "n.id"
    page = f"ORDER BY {order.replace('n.', '')} LIMIT :page_size OFFSET :offset"
    first, index = _SORTS[sort[0].lstrip("-")] if sort else ("l.model_id", _IDS)
    walk = found.sql(columns, index)
    if found.is_narrow:
        return Paging(
            f"WITH found AS MATERIALIZED ({walk})",
            "SELECT count(*) FROM found",
            f"SELECT * FROM found {page}",
            order,
        )
    if found.scans_text:
        some = found.sql("l.number", "listing_text")
        are_few = f"(SELECT count(*) FROM found) <= {_FEW}"
        return Paging(
            f"WITH found AS MATERIALIZED ({some} LIMIT {_FEW + 1})",
            f"""SELECT CASE WHEN {are_few} THEN (SELECT count(*) FROM found)
                ELSE ({found.sql("count(*)", "listing_text")}) END""",
            f"""
            SELECT {columns} FROM found AS f CROSS JOIN listing AS l ON l.number = f.number
            WHERE {are_few}
            UNION ALL {found.sql(columns, index, f"NOT {are_few}")}
            {page}
            """,
            order,
        )
    if found.is_walked and offset >= _DEEP and sort not in _INDEXED:
        blocks = found.sql(f"{first} AS value, count(*) AS size", index)
        direction = "DESC" if sort[0].startswith("-") else "ASC"
        on_page = "b.upto > :offset AND b.upto - b.size < :offset + :page_size"
        return Paging(
            f"""WITH blocks AS MATERIALIZED (
                SELECT value, size, sum(size) OVER (ORDER BY value {direction} NULLS LAST) AS upto
                FROM ({blocks} GROUP BY {first}) AS b
            )""",
            "SELECT coalesce(sum(size), 0) FROM blocks",
            f"""
            {found.sql(columns, index, f"{first} IS b.value", on_page, after="blocks AS b")}
            ORDER BY {order.replace("n.", "")} LIMIT :page_size
            OFFSET (
                SELECT :offset - coalesce(min(b.upto - b.size), 0) FROM blocks AS b WHERE {on_page}
            )
            """,
            order,
        )
    return Paging("", total(found), f"{walk}\n{page}", order)


def total(found: Selection) -> str:
    """How many rows there are, without looking at them if possible."""
    if found.is_counted:
        return found.counts("coalesce(sum(l.models), 0)")
    return found.sql("count(*)", KINDS)
