"""Figures of this process as plain numbers, and as text in the format of Prometheus.

Whoever counts holds the list of numbers of a series and adds to it: no lock, no lookup, no call.
That is safe from one event loop. Text is made when it is asked for.

Several processes that serve one address tell each other their figures by files in a folder: then
each of them can speak for all.
"""

from __future__ import annotations

import contextlib
import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

Kind = Literal["counter", "gauge", "histogram"]
# How the gauges of several processes become one: what counts what a process has is added up; what
# all of them see alike (`own`) is told as the one sees it that is asked.
Across = Literal["sum", "min", "own"]
# One number; of a histogram one per bucket, one beyond them, and the sum of what was observed.
Series: TypeAlias = list[float]

# Upper bounds of buckets in seconds: from a kept answer to the longest that a write may take.
SECONDS: Final = (
    *(0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0),
)


class Family(msgspec.Struct):
    """All series of one name: each has a value for every label."""

    name: str
    help: str
    kind: Kind
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    across: Across = "sum"
    series: dict[tuple[str, ...], Series] = {}

    def of(self, *values: str) -> Series:
        """The series with these values of the labels, to be added to; made when it is new."""
        found = self.series.get(values)
        if found is None:
            size = len(self.bounds) + 2 if self.kind == "histogram" else 1
            found = self.series[values] = [0] * size
        return found

    def add(self, *values: str, by: float = 1) -> None:
        """Count."""
        self.of(*values)[0] += by

    def set(self, value: float, *values: str) -> None:
        """Say what a gauge shows now."""
        self.of(*values)[0] = value


def observe(series: Series, seconds: float) -> None:
    """Add a time to a histogram with the buckets of `SECONDS`."""
    series[bisect_left(SECONDS, seconds)] += 1
    series[-1] += seconds


class Registry:
    """The figures of one process; with a folder, of all processes that share it."""

    def __init__(self, folder: str | None = None) -> None:
        self._families: dict[str, Family] = {}
        self._folder = Path(folder) if folder else None

    def counter(self, name: str, help: str, *labels: str) -> Family:
        """What only grows; its name ends in `_total`."""
        return self._add(Family(name, help, "counter", labels))

    def gauge(self, name: str, help: str, *labels: str, across: Across = "own") -> Family:
        """What goes up and down."""
        return self._add(Family(name, help, "gauge", labels, across=across))

    def histogram(self, name: str, help: str, *labels: str) -> Family:
        """Times in seconds, to be added by `observe`."""
        return self._add(Family(name, help, "histogram", labels, SECONDS))

    def _add(self, family: Family) -> Family:
        return self._families.setdefault(family.name, family)

    def share(self) -> None:
        """Tell the other processes, where there are any. A folder that is gone is no matter."""
        if self._folder is None:
            return
        name = self._folder / str(os.getpid())
        with contextlib.suppress(OSError):
            name.with_suffix(".new").write_bytes(msgspec.msgpack.encode([*self._families.values()]))
            name.with_suffix(".new").replace(name)

    def text(self) -> str:
        """All figures in Prometheus' text format, version 0.0.4."""
        together = {name: _copy(family) for name, family in self._families.items()}
        for families, alive in self._others():
            for family in families:
                _join(together.setdefault(family.name, _copy(family, empty=True)), family, alive)
        return "".join(line for family in together.values() for line in _lines(family))

    def _others(self) -> Iterator[tuple[list[Family], bool]]:
        """What other processes told, and whether they live: what the dead counted still counts."""
        for file in self._folder.glob("[0-9]*") if self._folder else ():
            if file.suffix or file.name == str(os.getpid()):
                continue
            with contextlib.suppress(OSError, msgspec.DecodeError):
                families = msgspec.msgpack.decode(file.read_bytes(), type=list[Family])
                yield families, os.path.exists(f"/proc/{file.name}")


def _copy(family: Family, *, empty: bool = False) -> Family:
    series = {} if empty else {values: list(one) for values, one in family.series.items()}
    return msgspec.structs.replace(family, series=series)


def _join(whole: Family, part: Family, alive: bool) -> None:
    if part.kind == "gauge" and (not alive or part.across == "own"):
        return
    for values, numbers in part.series.items():
        known = whole.series.get(values)
        if known is None:
            whole.series[values] = list(numbers)
        elif len(known) == len(numbers):
            join = min if part.across == "min" else _sum
            whole.series[values] = [join(a, b) for a, b in zip(known, numbers, strict=True)]


def _sum(a: float, b: float) -> float:
    return a + b


def _lines(family: Family) -> Iterator[str]:
    if not family.series:
        return
    name = family.name
    help = family.help.replace("\\", r"\\").replace("\n", r"\n")
    yield f"# HELP {name} {help}\n# TYPE {name} {family.kind}\n"
    for values, numbers in sorted(family.series.items()):
        labels = list(zip(family.labels, values, strict=True))
        if family.kind != "histogram":
            yield f"{name}{_braces(labels)} {_number(numbers[0])}\n"
            continue
        count: float = 0
        bounds = (*map(_number, family.bounds), "+Inf")
        for bound, number in zip(bounds, numbers[:-1], strict=True):
            count += number
            yield f"{name}_bucket{_braces([*labels, ('le', bound)])} {_number(count)}\n"
        yield f"{name}_sum{_braces(labels)} {_number(numbers[-1])}\n"
        yield f"{name}_count{_braces(labels)} {_number(count)}\n"


def _braces(labels: Iterable[tuple[str, str]]) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
