"""A page of what a selection leaves, in order, and how many rows there are in all.

No way is the best for every question: each of those here is for the ones where it has to look at
the fewest rows.
"""

from __future__ import annotations

from typing import NamedTuple

from service.domain.queries import ModelSort
from service.storage.periods import Key, dated
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
    "score": ("b.score", "listing_ids"),
}
_UNSORTED = ("l.model_id", "listing_ids")
_ALONG = dict(_SORTS.values())
# The sorts whose order an index has down to the last key.
_INDEXED: set[tuple[ModelSort, ...]] = {
    *((), ("name",), ("provider",), ("inputPrice",), ("outputPrice",)),
    *(("-releaseDate",), ("-contextWindow",), ("-maxOutput",), ("-updatedAt",)),
}
# For counting and grouping; the second one where texts are looked at.
_KINDS, _TEXT = "listing_kinds", "listing_text"
# Rows before the page from which on their number is found by counting, not by sorting them.
_DEEP = 2_000
# Rows that a rare word or a limit leaves, which are sorted; of more, the list is read in its order:
# past numbers that the index of words lacks, or past texts that are to be looked through.
_FEW, _FEW_TEXTS = 2_000, 20_000


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


class _Sorted(NamedTuple):
    """What is selected of each row, its order, the first key with its direction, and an index."""

    columns: str
    order: str
    first: str
    direction: str
    along: str


def paging(found: Selection, sort: tuple[ModelSort, ...], offset: int) -> Paging:
    """The page in the order of `sort`: unknown values last, ties broken by id."""
    columns, order = "l.number, l.model_id AS id", ""
    for i, key in enumerate(sort):
        columns += f", {found.column(_SORTS[key.lstrip('-')][0])} AS key{i}"
        order += f"key{i} {_direction(key)} NULLS LAST, "
    first, index = _SORTS[sort[0].lstrip("-")] if sort else _UNSORTED
    by = _Sorted(columns, f"{order}id", first, _direction(sort[0]) if sort else "ASC", index)
    keys = [Key(*_SORTS[key.lstrip("-")], _direction(key)) for key in sort]
    if found.is_dated and (found.limited or any(key.price for key in keys)):
        common, total, rows = dated(found, keys, _UNSORTED[1], f"({_count(found)})")
    elif found.is_narrow:
        common, total, rows = _at_once(found, by)
    elif found.scans_text:
        common, total, rows = _if_few(found, by, _TEXT, _FEW_TEXTS, in_order=True)
    elif found.is_indexed:
        common, total, rows = _if_few(found, by, None, _FEW, in_order=sort in _INDEXED)
    elif found.is_walked and offset >= _DEEP and sort not in _INDEXED:
        common, total, rows = _by_blocks(found, by)
    elif found.bound:
        common, total, rows = _if_few(found, by, _ALONG[found.bound], _FEW, in_order=True)
    elif found.is_counted or offset >= _DEEP:
        common, total, rows = "", _count(found), f"{found.sql(columns, index)}{_page(by)}"
    else:
        common, total, rows = _to_the_page(found, by)
    return Paging(common, total, rows, "n." + by.order.replace(", ", ", n."))


def counting(found: Selection) -> str:
    """The index to count along, or to group along bits, mode and family."""
    return _TEXT if found.scans_text else _KINDS


def _direction(key: str) -> str:
    return "DESC" if key.startswith("-") else "ASC"


def _page(by: _Sorted) -> str:
    return f"\nORDER BY {by.order} LIMIT :page_size OFFSET :offset"


def _count(found: Selection) -> str:
    if found.is_indexed:
        return f"SELECT count(*) FROM ({found.numbers()})"
    if found.bound and not found.is_grouped:
        return found.sql("count(*)", _ALONG[found.bound])
    if found.is_counted or found.is_grouped:
        return found.counts("coalesce(sum(l.models), 0)", counting(found))
    return found.sql("count(*)", counting(found))


def _at_once(found: Selection, by: _Sorted) -> tuple[str, str, str]:
    """Find all rows, and do with them whatever is wanted."""
    common = f"WITH found AS MATERIALIZED ({found.sql(by.columns, by.along)})"
    return common, "SELECT count(*) FROM found", f"SELECT * FROM found{_page(by)}"


def _to_the_page(found: Selection, by: _Sorted) -> tuple[str, str, str]:
    """Read as far as the page, and count all rows only if there may be more of them."""
    common = f"""WITH found AS MATERIALIZED (
        {found.sql(by.columns, by.along)} ORDER BY {by.order} LIMIT :page_size + :offset
    )"""
    total = f"""
        SELECT CASE WHEN (SELECT count(*) FROM found) < :page_size + :offset
            THEN (SELECT count(*) FROM found) ELSE ({_count(found)}) END
    """
    return common, total, f"SELECT * FROM found{_page(by)}"


def _if_few(
    found: Selection, by: _Sorted, index: str | None, few: int, *, in_order: bool
) -> tuple[str, str, str]:
    """Find all rows along the index; if those are many, begin again in the order that is wanted.

    SQLite runs a branch that is not to be unless its FROM begins with nothing or its LIMIT is 0.
    """
    are_few = f"(SELECT count(*) FROM found) <= {few}"
    return (
        f"WITH found AS MATERIALIZED ({found.numbers(index)} LIMIT {few + 1})",
        f"""
        SELECT CASE WHEN {are_few} THEN (SELECT count(*) FROM found) ELSE ({_count(found)}) END
        """,
        f"""
        SELECT {by.columns} FROM (SELECT 1 WHERE {are_few}) AS e
        CROSS JOIN found AS f CROSS JOIN listing AS l ON l.number = f.number
        UNION ALL SELECT * FROM (
            {found.past(by.columns, by.along if in_order else None)} ORDER BY {by.order}
            LIMIT CASE WHEN {are_few} THEN 0 ELSE :page_size + :offset END
        )
        {_page(by)}
        """,
    )


def _by_blocks(found: Selection, by: _Sorted) -> tuple[str, str, str]:
    """Count the rows that are alike in the first key, and sort those blocks that the page is of."""
    blocks = found.sql(f"{by.first} AS value, count(*) AS size", by.along)
    on_page = "b.upto > :offset AND b.upto - b.size < :offset + :page_size"
    alike = found.sql(by.columns, by.along, f"{by.first} IS b.value", on_page, after="blocks AS b")
    before = f"SELECT coalesce(min(b.upto - b.size), 0) FROM blocks AS b WHERE {on_page}"
    return (
        f"""WITH blocks AS MATERIALIZED (
            SELECT value, size, sum(size) OVER (ORDER BY value {by.direction} NULLS LAST) AS upto
            FROM ({blocks} GROUP BY {by.first}) AS b
        )""",
        "SELECT coalesce(sum(size), 0) FROM blocks",
        f"{alike} ORDER BY {by.order} LIMIT :page_size OFFSET :offset - ({before})",
    )
