"""What a batch would do to what is stored, told without writing it: ingest's rules, in memory."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

import msgspec
from msgspec import UNSET

from service.domain.batches import Batch, TableCounts
from service.domain.changes import Table
from service.domain.pricing import FIGURES, state_of
from service.domain.stored import KEYS, ROWS, Fields, Key, Stored, StoredRow, key_of
from service.domain.values import timestamp

Outcome = Literal["created", "updated", "unchanged", "locked", "deleted", "held"]

# What a row that is made without saying so has; everything else is unknown.
_DEFAULTS: Final[Fields] = {
    "mode": "chat",
    "deprecated": False,
    "input_modalities": (),
    "output_modalities": (),
    "higher_is_better": True,
}
_COMPARED: Final = (*FIGURES, "state")


class Difference(NamedTuple):
    """What would become of one row."""

    table: Table
    key: Key
    outcome: Outcome
    # Before and after, by member in the spelling of the API.
    changes: dict[str, tuple[Any, Any]]
    # What would be left alone since it is locked: as it is, and as it was proposed.
    locked: dict[str, tuple[Any, Any]]

    @property
    def name(self) -> str:
        """The key in words; a model's is its id."""
        parts = self.key if self.table != "models" else ("/".join(self.key),)
        return " ".join(str(part) for part in parts if part not in ("standard", 0))


def preview(
    stored: Stored, batch: Batch, *, today: datetime.date, factor: int | None
) -> Iterator[Difference]:
    """What ingest would do with each row of a batch, `stored` moved on as if it had.

    As exact as what is known of the stored rows: deletions and locks may not be. A batch must not
    hold two prices of one series.
    """
    for table in ROWS:
        for row in getattr(batch, table):
            given = _given(row)
            if table == "pricing":
                yield _price(stored, given, today.isoformat(), factor)
            else:
                yield _row(stored, table, given)


def counts(differences: list[Difference], table: Table) -> TableCounts:
    """The same counts that ingest answers with."""
    own = [one for one in differences if one.table == table]
    locked = sum(one.outcome == "deleted" or bool(one.locked) for one in own)
    outcomes = [one.outcome for one in own]
    return TableCounts(
        created=outcomes.count("created"),
        updated=outcomes.count("updated"),
        unchanged=outcomes.count("unchanged"),
        locked=locked,
        held=outcomes.count("held"),
    )


def plain(value: Any) -> Any:
    """A value as the API has it, whether it was sent or stored."""
    match value:
        case datetime.datetime():
            return timestamp(value)
        case datetime.date():
            return value.isoformat()
        case tuple() | list():
            return tuple(sorted(set(value)))
    return value


def _given(row: msgspec.Struct) -> Fields:
    return {
        name: plain(value)
        for name in row.__struct_fields__
        if (value := getattr(row, name)) is not UNSET
    }


def _row(stored: Stored, table: Table, given: Fields) -> Difference:
    """Write a row over the stored one of its key, or make it."""
    key = key_of(table, given)
    row = stored.tables[table].get(key)
    if _is_buried(stored, table, given):
        return _told(table, key, "deleted", {})
    if row is None:
        unknown = dict.fromkeys(ROWS[table].__struct_fields__)
        made = unknown | {n: v for n, v in _DEFAULTS.items() if n in unknown} | given
        stored.put(table, StoredRow(made))
        known = {n: v for n, v in given.items() if v is not None and n not in KEYS[table]}
        return _told(table, key, "created", {n: (None, v) for n, v in known.items()})
    if row.deleted:
        return _told(table, key, "deleted", {})
    merged = _merged(table, row, given, row.locks)
    sent = {n: (row.values.get(n), v) for n, v in given.items() if row.values.get(n) != v}
    locked = {n: pair for n, pair in sent.items() if n in row.locks}
    if row.locks and not _allowed(table, row.values | merged):
        return _told(table, key, "locked", {}, sent)
    changes = {n: (row.values.get(n), v) for n, v in merged.items() if row.values.get(n) != v}
    row.values |= merged
    outcome: Outcome = "updated" if changes else "locked" if locked else "unchanged"
    return _told(table, key, outcome, changes, locked)


def _price(stored: Stored, given: Fields, today: str, factor: int | None) -> Difference:
    """The same for a price, which may be no news, or held."""
    observed = given.pop("observed_on")
    day = given["effective_date"] = given["effective_date"] or observed
    key = key_of("pricing", given)
    if _is_buried(stored, "pricing", given):
        return _told("pricing", key, "deleted", {})
    history = stored.history(key)
    applied = _applied(history, day)
    if applied and observed:
        merged = _merged("pricing", applied, given, frozenset())
        if all(merged.get(n, applied.values[n]) == applied.values[n] for n in _COMPARED):
            return _told("pricing", key, "unchanged", {})
    own = history.get(day)
    if own is None and "state" not in given:
        given["state"] = state_of(given.get(name) for name in FIGURES)
    if factor and applied and not (own and own.deleted):
        locks = applied.locks if applied is own else frozenset()
        later = any(day < d <= today and not row.deleted for d, row in history.items())
        if not later and _jumps(applied.values, given, locks, factor):
            changes = {
                n: (applied.values[n], given[n])
                for n in _COMPARED
                if n in given and given[n] != applied.values[n]
            }
            return _told("pricing", key, "held", changes)
    return _row(stored, "pricing", given)


def _is_buried(stored: Stored, table: Table, given: Fields) -> bool:
    """Whether the provider or model that a row belongs to was deleted."""
    if table == "providers":
        return False
    if table == "models":
        above = [stored.tables["providers"].get((given["provider_id"],))]
    else:
        provider, _, model = given["model_id"].partition("/")
        above = [stored.tables["providers"].get((provider,))]
        above.append(stored.tables["models"].get((provider, model)))
    return any(row is not None and row.deleted for row in above)


def _applied(history: Mapping[str, StoredRow], day: str) -> StoredRow | None:
    days = [d for d, row in history.items() if d <= day and not row.deleted]
    return history[max(days)] if days else None


def _merged(table: Table, row: StoredRow, given: Fields, locks: frozenset[str]) -> Fields:
    """What of a stored row is written: given members that are not locked, and a price's state."""
    merged = {n: v for n, v in given.items() if n not in locks}
    if table == "pricing" and "state" not in given and "state" not in locks:
        figures = [merged.get(name, row.values[name]) for name in FIGURES]
        if any(name in merged for name in FIGURES):
            merged["state"] = state_of(figures)
    return merged


def _allowed(table: Table, values: Fields) -> bool:
    """Whether the schema lets a row be so."""
    if table == "pricing":
        main = [values.get("input_price"), values.get("output_price")]
        free = values["state"] != "free" or not any(main)
        return free and (values["state"] != "unknown" or main == [None, None])
    if table == "benchmarks":
        low, score, high = (values.get(n) for n in ("score_low", "score", "score_high"))
        return (low is None or low <= score) and (high is None or high >= score)
    return True


def _jumps(old: Fields, new: Fields, locks: frozenset[str], factor: int) -> bool:
    """Whether a price moves by more than a factor, or from or to free."""
    for name in ("input_price", "output_price"):
        before: Decimal | None = old[name]
        after: Decimal | None = new.get(name)
        if name in locks or before is None or after is None:
            continue
        if max(before, after) > min(before, after) * factor:
            return True
    return False


def _told(
    table: Table,
    key: Key,
    outcome: Outcome,
    changes: dict[str, tuple[Any, Any]],
    locked: dict[str, tuple[Any, Any]] | None = None,
) -> Difference:
    row = ROWS[table]
    spelled = dict(zip(row.__struct_fields__, row.__struct_encode_fields__, strict=True))
    return Difference(
        table,
        key,
        outcome,
        {spelled[name]: pair for name, pair in changes.items()},
        {spelled[name]: pair for name, pair in (locked or {}).items()},
    )
