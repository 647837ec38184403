"""What is wrong with the rows of a batch beyond their types: all of it, by table, index, field."""

from __future__ import annotations

import datetime
import functools
import operator
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, Meta

from service.domain.batches import BATCHED, Batch
from service.domain.benchmarks import ScoreRow
from service.domain.changes import Table
from service.domain.decimals import DIGITS, LIMIT
from service.domain.pricing import FIGURES, PriceRow
from service.domain.text import is_printable
from service.domain.values import Record
from service.errors import InvalidRequest

LISTED: Final = 100


class Fault(Record, frozen=True, kw_only=True):
    """One thing that is wrong with a row."""

    table: Table
    index: Annotated[int, Meta(description="Place of the row in the batch's table, from 0.")]
    field: Annotated[str | None, Meta(description="The field; null for the row as a whole.")]
    message: str

    def __str__(self) -> str:
        field = f".{self.field}" if self.field else ""
        return f"{self.table}[{self.index}]{field}: {self.message}"


def refusal(faults: Sequence[Fault]) -> InvalidRequest:
    """The error that tells all faults, the first of them by name, and counts the rest."""
    first = "one fault:" if len(faults) == 1 else f"{len(faults)} faults, the first of them:"
    details = {
        "faults": [msgspec.to_builtins(fault) for fault in faults[:LISTED]],
        "total": len(faults),
    }
    return InvalidRequest(f"the batch has {first} {faults[0]}", details)


def faults_of(batch: Batch) -> Generator[None, None, list[Fault]]:
    """What is wrong with a batch, in its order. Yields after each row."""
    found: list[Fault] = []
    for table in BATCHED:
        found += yield from table_faults(table, enumerate(getattr(batch, table)))
    return found


def table_faults(
    table: Table, rows: Iterable[tuple[int, Any]]
) -> Generator[None, None, list[Fault]]:
    """What is wrong with rows of one table, each with its place in the batch. Yields after each."""
    seen: dict[Any, int] = {}
    found = []
    for index, row in rows:
        if (first := seen.setdefault(key_of(row), index)) != index:
            message = f"is the same row as {table}[{first}]: send it once"
            found.append(Fault(table=table, index=index, field=None, message=message))
        for field, message in rules(row):
            found.append(Fault(table=table, index=index, field=field, message=message))
        yield
    return found


def key_of(row: Any) -> object:
    """What makes two rows the same one."""
    match row:
        case PriceRow():
            day = row.effective_date or row.observed_on
            return row.model_id, row.service_tier, row.context_threshold, day
        case ScoreRow():
            return row.model_id, row.benchmark_name
    return row.id


def rules(row: msgspec.Struct) -> Iterator[tuple[str, str]]:
    """Field and message of each rule that the given members of a row or an edit break."""
    fields, values_of, between = _plan(type(row))
    numbers_hold = True
    for field, value in zip(fields, values_of(row), strict=True):
        if value is UNSET or value is None:
            continue
        check = _CHECKS.get(type(value))
        if check and (message := check(field, value)):
            name = row.__struct_encode_fields__[fields.index(field)]
            numbers_hold = numbers_hold and not isinstance(value, Decimal)
            yield name, message
    if between and numbers_hold:
        yield from between(row)


class _Plan(NamedTuple):
    """How the rows of a type are checked: each member, and rules between them."""

    fields: tuple[str, ...]
    values_of: Callable[[Any], tuple[Any, ...]]
    between: Callable[[Any], Iterator[tuple[str, str]]] | None


@functools.cache
def _plan(kind: type[msgspec.Struct]) -> _Plan:
    fields = kind.__struct_fields__
    between = _scores if "score_low" in fields else _states if "state" in fields else None
    return _Plan(fields, operator.attrgetter(*fields), between)


def _scores(row: Any) -> Iterator[tuple[str, str]]:
    score, low, high = (getattr(row, f) for f in ("score", "score_low", "score_high"))
    if not isinstance(score, Decimal):
        return
    if isinstance(low, Decimal) and low > score:
        yield "scoreLow", f"{low} is above the score {score}"
    if isinstance(high, Decimal) and high < score:
        yield "scoreHigh", f"{high} is below the score {score}"


def _states(row: Any) -> Iterator[tuple[str, str]]:
    if row.state not in ("free", "unknown"):
        return
    main = [one for one in (row.input_price, row.output_price) if isinstance(one, Decimal)]
    if row.state == "free" and any(main):
        yield "state", "is free, but a price is not 0: give 0, or the state paid"
    if row.state == "unknown" and main:
        yield "state", "is unknown, but a price is given: give null, or the state paid"


def _figure(field: str, value: Decimal) -> str | None:
    # Not abs(), which overflows for an exponent that a number in JSON may well have.
    if not value.is_finite():
        return f"{value} is no number: give a decimal like 2.5"
    if value.copy_abs() >= LIMIT:
        return f"{value:.3E} is out of range: a number below {LIMIT} is needed"
    if round(value, DIGITS) != value:
        shown = str(value) if len(str(value)) <= 40 else f"{str(value)[:37]}..."
        return f"{shown} has more than {DIGITS} digits after the decimal point: round it"
    if value < 0 and field in FIGURES:
        return f"{value} is below zero: give 0 for free, null for unknown"
    return None


def _text(field: str, value: str) -> str | None:
    if "\0" in value or not _is_unicode(value):
        return "holds a null byte or half a surrogate pair, which cannot be stored: leave it out"
    if not is_printable(value):
        return "holds a control character, or begins or ends with a space: leave it out"
    if field == "knowledge_cutoff" and not _in_calendar(value):
        return f"{value} is not in the calendar: give a month or day that is"
    return None


def _moment(_: str, value: datetime.datetime) -> str | None:
    if not 1970 <= value.year < 9999:
        return f"{value.isoformat()} is out of range: give a moment of the years 1970 to 9998"
    return None


_CHECKS: Final[dict[type, Callable[[str, Any], str | None]]] = {
    Decimal: _figure,
    str: _text,
    datetime.datetime: _moment,
}


def _in_calendar(day: str) -> bool:
    """Whether `YYYY-MM-DD` or `YYYY-MM` is a day or a month that there is."""
    try:
        datetime.date.fromisoformat(day if len(day) > 7 else f"{day}-01")
    except ValueError:
        return False
    return True


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


def orphan(table: Table, index: int, id: str) -> Fault:
    """A row that belongs to a provider or model which is nowhere."""
    kind = "provider" if table == "models" else "model"
    message = f"there is no {kind} {id}, here or stored: send it first or along"
    return Fault(table=table, index=index, field=f"{kind}Id", message=message)
