"""CSV tables: the columns of `/v1/export/{table}.csv`, read back.

The first line names columns as the API names members; `id` (but for providers), `createdAt` and
`updatedAt` are there to be read and are ignored. A column that is left out keeps stored values, an
empty cell is null: unknown. Lists are comma-separated in one cell. A column `table` says which of
the tables a line is for; without one all lines are for the table that the columns tell. A price has
`effectiveDate` or `observedOn`. An apostrophe before a character that a spreadsheet would take for
a formula is not part of the text.
"""

from __future__ import annotations

import csv
import datetime
import difflib
import re
import types
import typing
from collections.abc import Iterator, Mapping
from decimal import Decimal
from io import StringIO
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from service.domain.benchmarks import ScoreRow
from service.domain.decimals import plain
from service.domain.models import ModelRow
from service.domain.pricing import PriceRow
from service.domain.providers import ProviderRow
from service.domain.wanted import wanted
from service.sources.catalog import Catalogue, Row, Table
from service.sources.documents import Unreadable, text_of

S = TypeVar("S", bound=msgspec.Struct)

ROWS: Final[Mapping[Table, type[Row]]] = {
    "providers": ProviderRow,
    "models": ModelRow,
    "pricing": PriceRow,
    "benchmarks": ScoreRow,
}
# A column that only one table has, in the order in which they are looked for.
_TELLING: Final[Mapping[str, Table]] = {
    "benchmarkName": "benchmarks",
    "providerId": "models",
    "modelId": "pricing",
    "id": "providers",
}
_IGNORED: Final = frozenset({"id", "createdAt", "updatedAt"})
_GUARDED: Final = ("=", "+", "-", "@", "\t", "\r", "'")
# A cell is no larger than the largest thing it may be: a URL.
_LARGEST_CELL: Final = 100_000


class Line(NamedTuple):
    """One line of a table: where it begins, and its cells by column."""

    number: int
    cells: dict[str, str]


def read(content: bytes, known: Catalogue, day: datetime.date) -> Catalogue:
    """The rows of a file; what cannot be one is rejected by its line. Raises `Unreadable`."""
    columns, lines = read_lines(text_of(content))
    own = _table_of(columns)
    catalogue = Catalogue(name="csv", as_of=day)
    for line in lines:
        name = line.cells.get("table", own)
        if name not in ROWS:
            catalogue.reject("providers", f"line {line.number}", f"no table {name!r}")
            continue
        table: Table = name  # type: ignore[assignment]
        ignored = _IGNORED - ({"id"} if table == "providers" else set())
        cells = {c: v for c, v in line.cells.items() if c not in ignored}
        try:
            row = struct_of(ROWS[table], cells)
        except msgspec.ValidationError as error:
            catalogue.reject(table, f"line {line.number}", _refused(ROWS[table], cells, error))
            continue
        catalogue.add(row)
    return catalogue


def read_lines(text: str) -> tuple[list[str], Iterator[Line]]:
    """The columns of a table and its lines, each with a cell for each column.

    Raises `Unreadable`, also while lines are taken.
    """
    csv.field_size_limit(_LARGEST_CELL)
    reader = csv.reader(StringIO(text, newline=""), strict=True)

    def lines() -> Iterator[Line]:
        before = reader.line_num
        try:
            for row in reader:
                if row and len(row) != len(columns):
                    raise Unreadable(
                        f"is cut short: line {before + 1} has {len(row)} cells, not {len(columns)}"
                    )
                if row:
                    yield Line(before + 1, dict(zip(columns, row, strict=True)))
                before = reader.line_num
        except csv.Error as error:
            raise Unreadable(f"is not CSV: line {before + 1}: {error}") from None

    try:
        columns = next(reader, [])
    except csv.Error as error:
        raise Unreadable(f"is not CSV: line 1: {error}") from None
    return columns, lines()


def struct_of(kind: type[S], cells: Mapping[str, str]) -> S:
    """A struct from cells by column; columns that it does not have are left out.

    Raises `msgspec.ValidationError`.
    """
    members: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        text = cells.get(field.encode_name)
        if text is None:
            continue
        kinds = set(_kinds(field.type))
        if tuple in kinds:
            members[field.encode_name] = text.split(",") if text else []
        elif text:
            guarded = text[0] == "'" and text[1:2] in _GUARDED
            text = text[1:] if guarded else text
            if Decimal in kinds and plain(text) is None:
                raise msgspec.ValidationError(f"Not a plain number - at `$.{field.encode_name}`")
            members[field.encode_name] = text
        elif types.NoneType in kinds:
            members[field.encode_name] = None
        elif field.required:
            members[field.encode_name] = ""
    return msgspec.convert(members, kind, strict=False)


def _refused(kind: type[msgspec.Struct], cells: Mapping[str, str], error: Exception) -> str:
    """What is wrong with a line and what would be right."""
    place = re.search(r"`\$\.(\w+)", str(error))
    if place is None:  # a rule between members
        return str(error)
    (field,) = (f for f in msgspec.structs.fields(kind) if f.encode_name == place[1])
    return f"{place[1]} must be {wanted(field.type)}, not {cells[place[1]][:60]!r}"


def _kinds(hint: Any) -> Iterator[Any]:
    """The types that a member may have."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType, typing.Annotated):
        for argument in typing.get_args(hint):
            yield from _kinds(argument)
    else:
        yield origin or hint


def _table_of(columns: list[str]) -> str:
    """The table of all lines; empty where each says its own."""
    known = {"table": ""}
    for row in ROWS.values():
        known |= dict.fromkeys((*row.__struct_encode_fields__, *_IGNORED), "")
    for column in columns:
        if column not in known:
            near = difflib.get_close_matches(column, known, 1)
            hint = f": did you mean {near[0]}?" if near else ""
            raise Unreadable(f"has another shape: no table has a column {column[:40]!r}{hint}")
    if len(set(columns)) < len(columns):
        raise Unreadable("has another shape: line 1 names a column twice")
    if "table" in columns:
        return ""
    table = next((table for column, table in _TELLING.items() if column in columns), None)
    if table is None:
        raise Unreadable("has another shape: line 1 must name columns of a table, or `table`")
    own = {*ROWS[table].__struct_encode_fields__, *_IGNORED}
    if foreign := [column for column in columns if column not in own]:
        raise Unreadable(f"has another shape: {table} has no column {foreign[0]}")
    return table
