"""Benchmark scores of models."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from service.domain.pricing import Price
from service.domain.text import ID, URL
from service.domain.values import Date, Record, Timestamp

BenchmarkName = Annotated[str, Meta(min_length=1, max_length=200, examples=["arena-overall"])]


class Score(Record, frozen=True, kw_only=True):
    """How a model did in a benchmark, on that benchmark's own scale."""

    id: int
    model_id: str
    benchmark_name: str
    score: Decimal
    score_low: Annotated[Decimal | None, Meta(description="Lower end of the interval.")]
    score_high: Annotated[Decimal | None, Meta(description="Upper end of the interval.")]
    unit: Annotated[
        str | None, Meta(description="Scale of the score.", examples=["elo", "fraction", "percent"])
    ]
    higher_is_better: bool
    self_reported: Annotated[
        bool | None, Meta(description="Whether the model's maker measured it; null is unknown.")
    ]
    source_url: str | None
    measured_at: Date | None
    created_at: Timestamp
    updated_at: Timestamp


class ScoreRow(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A score as a pipeline writes it. A member left out keeps its stored value."""

    model_id: Annotated[str, Meta(pattern=ID)]
    benchmark_name: BenchmarkName
    score: Decimal
    score_low: Decimal | None | UnsetType = UNSET
    score_high: Decimal | None | UnsetType = UNSET
    unit: Annotated[str, Meta(min_length=1, max_length=50)] | None | UnsetType = UNSET
    higher_is_better: bool | UnsetType = UNSET
    self_reported: bool | None | UnsetType = UNSET
    source_url: Annotated[str, Meta(pattern=URL)] | None | UnsetType = UNSET
    measured_at: datetime.date | None | UnsetType = UNSET


class RankedScore(Score, frozen=True, kw_only=True):
    """A score with the model it belongs to; ranked where one benchmark is asked for by name."""

    rank: Annotated[
        int | None, Meta(description="Place in the benchmark from 1, ties sharing one; else null.")
    ]
    model_name: str
    provider_id: str
    pricing: Annotated[Price | None, Meta(description="The model's current price.")]
