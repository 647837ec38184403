"""A page by what applied on a past day, for questions that no other filter narrows.

All is found in the periods of prices that hold the day. Few rows are sorted; of many the wanted
order is read as far as the page. An order by price begins with those models whose price was known,
and goes on with the others in an order of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from service.storage.selection import LENGTHS, PRICES, Selection

# Rows that are sorted sooner than looked for along an order; half of them where no price has a
# limit, since an index counts the others then.
_FEW = 32_000
# With so many known prices among those rows, there are enough to be met on the way along a price.
_KNOWN = 1_000
_WANTED = ":page_size + :offset"


class Key(NamedTuple):
    """A column of the listing to sort by, an index in its order, and the direction."""

    column: str
    along: str
    direction: str

    @property
    def price(self) -> str | None:
        """Its price, if it is one."""
        name = self.column.removeprefix("l.")
        return name if name in PRICES else None


def dated(found: Selection, keys: Sequence[Key], unsorted: str, count: str) -> tuple[str, str, str]:
    """What a statement begins with, how it counts all rows, and those of the page.

    `unsorted` is the index in the order of ids, `count` counts where no price has a limit. What is
    not to be read has a LIMIT of 0, which SQLite heeds before it begins.
    """
    few = _FEW if found.limited else _FEW // 2
    common = f"WITH RECURSIVE {LENGTHS}, {_some(found, 'found', str(few + 1))}"
    rows = _sorted(found, keys, "found", few)
    wanted = f"(SELECT count(*) FROM found) > {few}"
    unknown: list[str] = []
    for i, price in enumerate(_prices(found, keys)):
        walk = found.by_price(
            price, _columns(found, keys, "d", unknown), *(f"d.{p} IS NULL" for p in unknown)
        )
        order = _order(keys, i)
        if i:
            part = f"SELECT * FROM ({walk} ORDER BY {order} LIMIT {_if(wanted)}) AS many"
        else:
            enough = f"(SELECT count({price}) FROM found) >= {_KNOWN}"
            known = _if(f"{wanted} AND NOT {enough}", str(few + 1))
            common += f", {_some(found, 'known', known, f'l.{price} IS NOT NULL')}"
            many = _if(f"{wanted} AND ({enough} OR (SELECT count(*) FROM known) > {few})")
            part = f"""{_sorted(found, keys, "known", few)}
            UNION ALL SELECT * FROM ({walk} ORDER BY {order} LIMIT {many}) AS many"""
        common += f", part{i} AS MATERIALIZED ({part})"
        rows += f" UNION ALL SELECT * FROM part{i}"
        wanted += f" AND (SELECT count(*) FROM part{i}) < {_WANTED}"
        unknown.append(price)
    if not {*unknown} & {*found.limited}:
        index = keys[len(unknown)].along if len(unknown) < len(keys) else unsorted
        nothing = [f"{found.column(f'l.{price}')} IS NULL" for price in unknown]
        walk = found.sql(_columns(found, keys, "", unknown), index, *nothing)
        order = _order(keys, len(unknown))
        rows += f" UNION ALL SELECT * FROM ({walk} ORDER BY {order} LIMIT {_if(wanted)}) AS rest"
    if found.limited:
        count = found.dated("count(*)")
    if not found.is_counted:
        size = "(SELECT count(*) FROM found)"
        count = f"CASE WHEN {size} <= {few} THEN {size} ELSE ({count}) END"
    page = f"{rows} ORDER BY {_order(keys, 0)} LIMIT :page_size OFFSET :offset"
    return common, f"SELECT {count}", page


def _prices(found: Selection, keys: Sequence[Key]) -> list[str]:
    """The prices that the order begins with: each sorts the rows where those before are unknown."""
    prices: list[str] = []
    for key in keys:
        if key.price is None or key.price in prices or {*prices} & {*found.limited}:
            break
        prices.append(key.price)
    return prices


def _some(found: Selection, name: str, limit: str, *also: str) -> str:
    """A table of rows in no order."""
    scan = found.dated("l.number, l.input_price, l.output_price", *also)
    return f"{name} AS MATERIALIZED ({scan} LIMIT {limit})"


def _sorted(found: Selection, keys: Sequence[Key], name: str, few: int) -> str:
    """The rows of such a table if they are few; they are sorted at the end."""
    return f"""SELECT {_columns(found, keys, "f", ())}
        FROM (SELECT 1 WHERE (SELECT count(*) FROM {name}) <= {few}) AS e
        CROSS JOIN {name} AS f CROSS JOIN listing AS l WHERE l.number = f.number"""


def _columns(found: Selection, keys: Sequence[Key], source: str, unknown: Sequence[str]) -> str:
    """What is selected: prices out of `source`, or looked up where that is empty."""
    columns = "l.number, l.model_id AS id"
    for i, key in enumerate(keys):
        value = found.column(key.column)
        if key.price in unknown:
            value = "CAST(NULL AS BIGINT)"
        elif key.price and source:
            value = f"{source}.{key.price}"
        columns += f", {value} AS key{i}"
    return columns


def _order(keys: Sequence[Key], start: int) -> str:
    rest = enumerate(keys[start:], start)
    return "".join(f"key{i} {key.direction} NULLS LAST, " for i, key in rest) + "id"


def _if(condition: str, limit: str = _WANTED) -> str:
    return f"CASE WHEN {condition} THEN {limit} ELSE 0 END"
