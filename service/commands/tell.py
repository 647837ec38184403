"""What came of a catalogue, in words: counts, differences, and what could not be stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table as Grid

from service.domain.batches import BatchResult, TableCounts
from service.domain.changes import Table
from service.domain.preview import Difference
from service.sources.catalog import Rejected

TABLES: Final[tuple[Table, ...]] = ("providers", "models", "pricing", "benchmarks")
_OUTCOMES: Final = TableCounts.__struct_fields__
# Differences that are shown, and examples of what was rejected, unless all are asked for.
_SHOWN: Final = 20
_EXAMPLES: Final = 3


def sums(results: Sequence[BatchResult]) -> dict[Table, TableCounts]:
    """What batches did in all, by table."""
    return {
        table: TableCounts(
            **{o: sum(getattr(getattr(one, table), o) for one in results) for o in _OUTCOMES}
        )
        for table in TABLES
    }


def counts(found: Mapping[Table, TableCounts]) -> Grid:
    """What became of the rows, a line per table."""
    grid = Grid("table", *_OUTCOMES, box=None, pad_edge=False)
    for table in TABLES:
        grid.add_row(table, *(f"{getattr(found[table], o):,}" for o in _OUTCOMES))
    return grid


def differences(found: Sequence[Difference], console: Console, *, verbose: bool) -> None:
    """A line for each row that would not stay as it is."""
    told = [one for one in found if one.outcome != "unchanged" or one.locked]
    grid = Grid("would be", "table", "row", "before → after", box=None, pad_edge=False)
    for column in grid.columns:
        column.overflow = "fold"
    for one in told if verbose else told[:_SHOWN]:
        grid.add_row(one.outcome, one.table, one.name, "\n".join(_changes(one)))
    if told:
        console.print(grid)
    if len(told) > len(grid.rows):
        console.print(f"… and {len(told) - len(grid.rows):,} more: --verbose shows all")


def _changes(one: Difference) -> Iterator[str]:
    for name, (before, after) in one.changes.items():
        known = "" if one.outcome == "created" else f"{_shown(before)} → "
        yield f"{name}: {known}{_shown(after)}"
    for name, (before, after) in one.locked.items():
        yield f"{name}: {_shown(before)} is locked, not {_shown(after)}"


def _shown(value: Any) -> str:
    match value:
        case None:
            return "unknown"
        case bool():
            return "yes" if value else "no"
        case tuple():
            return ",".join(value) or "none"
    return str(value)


def rejections(rejected: Sequence[Rejected], *, verbose: bool) -> list[str]:
    """What could not be stored, by reason, the commonest first; some of each by name, or all."""
    groups: dict[tuple[str, str], list[Rejected]] = defaultdict(list)
    for entry in rejected:
        groups[entry.table, entry.why].append(entry)
    numbers = {key: sum(entry.rows for entry in group) for key, group in groups.items()}
    lines = [f"not stored as published: {sum(numbers.values()):,}"]
    for (table, why), count in sorted(numbers.items(), key=lambda item: -item[1]):
        names = [
            f"{entry.what} ({entry.rows:,})" if entry.rows > 1 else entry.what
            for entry in groups[table, why]
        ]
        lines.append(f"  {count:,} {table}: {why}")
        if verbose:
            lines += [f"    {name}" for name in names]
        else:
            more = ", …" if len(names) > _EXAMPLES else ""
            lines.append(f"    {', '.join(names[:_EXAMPLES])}{more}")
    return lines
