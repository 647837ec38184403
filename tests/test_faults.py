"""Rows that the types allow and the database could not keep, or could not find again."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from service.domain.batches import Batch
from service.domain.faults import faults_of
from service.interpreter import at_once

MODEL = {"providerId": "a", "modelId": "x", "name": "X"}
PRICE = {"modelId": "a/x", "effectiveDate": "2026-11-02", "inputPrice": 1}


def faults(**rows: Any) -> list[str]:
    batch = msgspec.convert(rows, Batch)
    return [str(fault) for fault in at_once(faults_of(batch))]


def test_a_good_row_has_none() -> None:
    assert faults(models=[MODEL], pricing=[PRICE]) == []


@pytest.mark.parametrize("name", ["bell\x07", "tab\t", " lead", "trail ", "\n=1", "\x7f"])
def test_names_that_nobody_can_ask_for(name: str) -> None:
    (fault,) = faults(models=[MODEL | {"name": name}])
    assert fault.startswith("models[0].name: holds a control character, or begins or ends")


@pytest.mark.parametrize("cutoff", ["2025-02-30", "2023-02-29", "0000-01"])
def test_a_cutoff_that_is_not_in_the_calendar(cutoff: str) -> None:
    assert faults(models=[MODEL | {"knowledgeCutoff": cutoff}]) == [
        f"models[0].knowledgeCutoff: {cutoff} is not in the calendar: give a month or day that is"
    ]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_moment_that_no_clock_in_utc_shows(moment: str) -> None:
    (fault,) = faults(pricing=[PRICE | {"verifiedAt": moment}])
    assert fault.startswith("pricing[0].verifiedAt: ")


@pytest.mark.parametrize("model_id", ["x/", "/x", "x//y", "x/y/"])
def test_an_id_with_an_empty_segment(model_id: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="modelId"):
        faults(models=[MODEL | {"modelId": model_id}])
    with pytest.raises(msgspec.ValidationError, match="modelId"):
        faults(pricing=[PRICE | {"modelId": f"a/{model_id}"}])
