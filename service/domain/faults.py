"""What is wrong with the rows of a batch beyond their types: all of it, by table, index, field."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta

from service.domain.batches import Batch
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


def faults_of(batch: Batch) -> list[Fault]:
    """What is wrong with a batch, in its order."""
    rows: tuple[tuple[Table, tuple[msgspec.Struct, ...]], ...] = (
        ("providers", batch.providers),
        ("models", batch.models),
        ("pricing", batch.pricing),
        ("benchmarks", batch.benchmarks),
    )
    return [fault for table, some in rows for fault in table_faults(table, enumerate(some))]


def table_faults(table: Table, rows: Iterable[tuple[int, Any]]) -> list[Fault]:
    """What is wrong with rows of one table, each with its place in the batch."""
    seen: dict[Any, int] = {}
    found = []
    for index, row in rows:
        if (first := seen.setdefault(key_of(row), index)) != index:
            message = f"is the same row as {table}[{first}]: send it once"
            found.append(Fault(table=table, index=index, field=None, message=message))
        for field, message in rules(row):
            found.append(Fault(table=table, index=index, field=field, message=message))
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
    given = {f: v for f in row.__struct_fields__ if (v := getattr(row, f)) is not UNSET}
    names = dict(zip(row.__struct_fields__, row.__struct_encode_fields__, strict=True))
    broken: set[str] = set()
    for field, value in given.items():
        if isinstance(value, Decimal):
            message = _inexact(value)
            if message is None and field in FIGURES and value < 0:
                message = f"{value} is below zero: give 0 for free, null for unknown"
            if message:
                broken.add(field)
                yield names[field], message
        elif isinstance(value, str) and ("\0" in value or not _is_unicode(value)):
            yield (
                names[field],
                "holds a null byte or half a surrogate pair, which cannot be stored: leave it out",
            )
        elif isinstance(value, str) and not is_printable(value):
            yield (
                names[field],
                "holds a control character, or begins or ends with a space: leave it out",
            )
        elif isinstance(value, datetime.datetime) and not 1970 <= value.year < 9999:
            yield (
                names[field],
                f"{value.isoformat()} is out of range: give a moment of the years 1970 to 9998",
            )
    cutoff = given.get("knowledge_cutoff")
    if cutoff and not _in_calendar(cutoff):
        yield (
            names["knowledge_cutoff"],
            f"{cutoff} is not in the calendar: give a month or day that is",
        )
    if broken:
        return
    if "benchmark_name" in names or "score_low" in names:
        low, high = given.get("score_low"), given.get("score_high")
        score = given.get("score")
        if low is not None and score is not None and low > score:
            yield "scoreLow", f"{low} is above the score {score}"
        if high is not None and score is not None and high < score:
            yield "scoreHigh", f"{high} is below the score {score}"
    main = [given.get("input_price"), given.get("output_price")]
    if given.get("state") == "free" and any(main):
        yield "state", "is free, but a price is not 0: give 0, or the state paid"
    if given.get("state") == "unknown" and any(figure is not None for figure in main):
        yield "state", "is unknown, but a price is given: give null, or the state paid"


def _in_calendar(day: str) -> bool:
    """Whether `YYYY-MM-DD` or `YYYY-MM` is a day or a month that there is."""
    try:
        datetime.date.fromisoformat(day if len(day) > 7 else f"{day}-01")
    except ValueError:
        return False
    return True


def _inexact(value: Decimal) -> str | None:
    # Not abs(), which overflows for an exponent that a number in JSON may well have.
    if not value.is_finite():
        return f"{value} is no number: give a decimal like 2.5"
    if value.copy_abs() >= LIMIT:
        return f"{value:.3E} is out of range: a number below {LIMIT} is needed"
    if round(value, DIGITS) != value:
        shown = str(value) if len(str(value)) <= 40 else f"{str(value)[:37]}..."
        return f"{shown} has more than {DIGITS} digits after the decimal point: round it"
    return None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


def unknown_parents(batch: Batch, providers: frozenset[str], models: frozenset[str]) -> list[Fault]:
    """Rows that belong to a provider or model among these, which are nowhere."""
    found = []
    for index, model in enumerate(batch.models):
        if model.provider_id in providers:
            found.append(_orphan("models", index, "providerId", "provider", model.provider_id))
    for index, price in enumerate(batch.pricing):
        if price.model_id in models:
            found.append(_orphan("pricing", index, "modelId", "model", price.model_id))
    for index, score in enumerate(batch.benchmarks):
        if score.model_id in models:
            found.append(_orphan("benchmarks", index, "modelId", "model", score.model_id))
    return found


def _orphan(table: Table, index: int, field: str, kind: str, id: str) -> Fault:
    message = f"there is no {kind} {id}, here or stored: send it first or along"
    return Fault(table=table, index=index, field=field, message=message)


def parents(batch: Batch) -> tuple[set[str], set[str]]:
    """Providers and models that rows belong to and the batch itself does not bring."""
    providers = {row.provider_id for row in batch.models} - {row.id for row in batch.providers}
    models = {row.model_id for row in batch.pricing} | {row.model_id for row in batch.benchmarks}
    return providers, models - {row.id for row in batch.models}
