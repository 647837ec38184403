"""Between rows and structs: which columns a struct is read from, and how a value is converted."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec

from service.domain.benchmarks import Score
from service.domain.decimals import from_billionths
from service.domain.models import Model
from service.domain.pricing import FIGURES, Price
from service.domain.providers import Provider
from service.storage.database import Row

S = TypeVar("S", bound=msgspec.Struct)

_decimal = lru_cache(maxsize=16384)(from_billionths)


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def _converter(hint: Any) -> Callable[[Any], Any] | None:
    """How the stored value of a field with this type becomes its value; None for as it is."""
    kinds = set(_leaves(hint))
    if Decimal in kinds:
        return _decimal
    if bool in kinds:
        return bool
    if tuple in kinds:
        return _split
    return None


def _leaves(hint: Any) -> typing.Iterator[Any]:
    origin = typing.get_origin(hint)
    if origin is tuple:
        yield tuple
    elif origin is not None:
        for argument in typing.get_args(hint):
            yield from _leaves(argument)
    else:
        yield hint


class Mapper(Generic[S]):
    """Reads structs of one type from rows that begin with its columns."""

    def __init__(self, struct: type[S], columns: Mapping[str, str] | None = None) -> None:
        self.struct = struct
        self.fields = struct.__struct_fields__
        self.columns = tuple((columns or {}).get(field, field) for field in self.fields)
        hints = typing.get_type_hints(struct)
        converters = [_converter(hints[field]) for field in self.fields]
        self._convert = [(i, f) for i, f in enumerate(converters) if f is not None]
        self.width = len(self.fields)

    def select(self, alias: str) -> str:
        """The columns as a SELECT list."""
        return ", ".join(f"{alias}.{column}" for column in self.columns)

    def values(self, row: Sequence[Any], start: int = 0) -> dict[str, Any]:
        """Field values from the columns at `start`, for structs that hold more than these."""
        values = list(row[start : start + self.width])
        for i, convert in self._convert:
            if values[i] is not None:
                values[i] = convert(values[i])
        return dict(zip(self.fields, values, strict=True))

    def read(self, row: Row, start: int = 0) -> S:
        """The struct whose columns begin at `start`."""
        return self.struct(**self.values(row, start))

    def read_optional(self, row: Row, start: int) -> S | None:
        """The same for the far side of an outer join: None where its key is null."""
        return None if row[start] is None else self.read(row, start)

    def read_logged(self, columns: Mapping[str, Any], changed_at: str) -> S:
        """The struct from the change log, which keeps no `updated_at`: it is the log's own time."""
        return self.read(
            tuple(changed_at if c == "updated_at" else columns.get(c) for c in self.columns)
        )


PROVIDER = Mapper(Provider)
MODEL = Mapper(Model)
PRICE = Mapper(Price, FIGURES)
SCORE = Mapper(Score)
