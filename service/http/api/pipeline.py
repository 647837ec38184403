"""What a pipeline does over HTTP: runs, batches, and the prices that were held."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from msgspec import Meta

from service.application import held, ingest, runs
from service.domain.batches import Batch, BatchResult, Left, TableCounts
from service.domain.held import HeldPrice, HeldQuery, ProposedPrice
from service.domain.pricing import PriceRow
from service.domain.queries import Query
from service.domain.runs import NewRun, Run, RunDetail, RunEnd, RunQuery, Source
from service.http.action import Action
from service.http.examples import MOMENT, PRICE, many, one

_RUN_ID: Final = "0b6f7a52c2a84e0f9d1e8c5b7a3f2d10"
_COUNTS: Final = TableCounts(created=1, updated=2, unchanged=4_777, locked=1)
_LEFT: Final = Left(table="pricing", index=7, id="2718", field="inputPrice", reason="locked")
_RUN: Final[dict[str, Any]] = {
    "id": _RUN_ID,
    "status": "success",
    "source": "models-dev",
    "actor": "nightly",
    "started_at": MOMENT,
    "completed_at": MOMENT,
    "models_updated": 3,
    "counts": {"pricing": _COUNTS},
    "errors": [],
    "created_at": MOMENT,
}
_DETAIL: Final = RunDetail(**_RUN, batches=1, left=(_LEFT,), left_total=1)
_BATCH: Final = Batch(
    pricing=(
        PriceRow(
            model_id="anthropic/claude-sonnet-4-5",
            effective_date=datetime.date(2025, 9, 29),
            input_price=Decimal(3),
            output_price=Decimal(15),
            cached_input_price=Decimal("0.3"),
        ),
    )
)
_RESULT: Final = BatchResult(
    run_id=_RUN_ID,
    revision=31416,
    providers=TableCounts(),
    models=TableCounts(),
    pricing=_COUNTS,
    benchmarks=TableCounts(),
    left=(_LEFT,),
    left_total=1,
)
_ONCE: Final = (
    " With an `Idempotency-Key` header the request has one effect however often it is sent, and "
    "answers as the first time."
)
_WRITES: Final = ("conflict", "payload_too_large")


class IngestQuery(Query, frozen=True, kw_only=True):
    """`POST /v1/pipeline/ingest`."""

    source: Annotated[Source | None, Meta(description="The catalogue that is read.")] = None


OPEN: Final = Action(
    method="POST",
    path="/v1/pipeline/runs",
    operation="openRun",
    tag="pipeline",
    summary="Open a run",
    description=(
        "Opens a run that batches are pushed to. One that nothing comes from for a while is "
        "closed as failed." + _ONCE
    ),
    scope="pipeline",
    use_case=runs.open_run,
    component="RunResponse",
    data=Run,
    body=NewRun,
    sends=NewRun(source="models-dev"),
    example=one(Run(**_RUN | {"status": "running", "completed_at": None, "counts": {}})),
    errors=_WRITES,
    creates=True,
)
PUSH: Final = Action(
    method="POST",
    path="/v1/pipeline/runs/{id}/batches",
    operation="pushBatch",
    tag="pipeline",
    summary="Push a batch",
    description=(
        "Writes rows of the four tables, all or none. Rows are upserts on their natural keys: a "
        "member left out keeps its stored value, and a row that is stored already writes nothing. "
        "Fields and rows that a person locked or deleted are left alone; prices that differ too "
        "much from the current one are held for review. What is wrong with the rows is told all "
        "at once, by table, index and field. A batch may be as large as a body; some thousand rows "
        "in less than 1 MB are soon written and pass every proxy." + _ONCE
    ),
    scope="pipeline",
    use_case=ingest.push,
    component="BatchResponse",
    data=BatchResult,
    body=Batch,
    sends=_BATCH,
    names={"id": _RUN_ID},
    example=one(_RESULT),
    errors=("not_found", *_WRITES),
)
COMPLETE: Final = Action(
    method="POST",
    path="/v1/pipeline/runs/{id}/complete",
    operation="completeRun",
    tag="pipeline",
    summary="Close a run",
    description="Closes a run as a success or as failed, with what went wrong in any form.",
    scope="pipeline",
    use_case=runs.complete_run,
    component="RunDetailResponse",
    data=RunDetail,
    body=RunEnd,
    sends=RunEnd(),
    names={"id": _RUN_ID},
    example=one(_DETAIL),
    errors=("not_found", *_WRITES),
)
INGEST: Final = Action(
    method="POST",
    path="/v1/pipeline/ingest",
    operation="ingestBatch",
    tag="pipeline",
    summary="A run in one call",
    description=(
        "Opens a run, pushes a batch and closes it, in one transaction. A batch that is refused "
        "leaves a failed run that says why." + _ONCE
    ),
    scope="pipeline",
    use_case=ingest.ingest,
    component="BatchResponse",
    data=BatchResult,
    body=Batch,
    sends=_BATCH,
    query=IngestQuery,
    example=one(_RESULT),
    errors=_WRITES,
)
RUNS: Final = Action(
    method="GET",
    path="/v1/pipeline/runs",
    operation="listRuns",
    tag="pipeline",
    summary="Runs",
    description="A page of runs, the newest first, with what they did so far.",
    scope="pipeline",
    use_case=runs.list_runs,
    component="RunListResponse",
    data=list[Run],
    query=RunQuery,
    example=many(Run(**_RUN)),
)
RUN: Final = Action(
    method="GET",
    path="/v1/pipeline/runs/{id}",
    operation="getRun",
    tag="pipeline",
    summary="One run",
    description="A run with what it did and what it left alone.",
    scope="pipeline",
    use_case=runs.get_run,
    component="RunDetailResponse",
    data=RunDetail,
    names={"id": _RUN_ID},
    example=one(_DETAIL),
    errors=("not_found",),
)
_HELD: Final[dict[str, Any]] = {
    "id": 27,
    "model_id": "anthropic/claude-sonnet-4-5",
    "service_tier": "standard",
    "context_threshold": 0,
    "effective_date": "2026-11-22",
    "proposed": ProposedPrice(
        input_price=Decimal("0.03"),
        output_price=Decimal("0.15"),
        cached_input_price=None,
        cache_write_price=None,
        reasoning_price=None,
        input_audio_price=None,
        output_audio_price=None,
        state=None,
        source_url="https://openrouter.ai/anthropic/claude-sonnet-4.5",
        verified_at=None,
    ),
    "current": PRICE,
    "source": "openrouter",
    "status": "pending",
    "actor": "nightly",
    "run_id": _RUN_ID,
    "held_at": MOMENT,
    "decided_at": None,
    "decided_by": None,
}
_DECIDED: Final = {"decided_at": MOMENT, "decided_by": "ada"}
HELD: Final = Action(
    method="GET",
    path="/v1/pipeline/held",
    operation="listHeldPrices",
    tag="pipeline",
    summary="Prices held for review",
    description=(
        "Prices whose input or output figure differs from the stored one by more than a set "
        "factor, or comes from or goes to free: the proposed figures and the current ones, with "
        "their sources."
    ),
    scope="pipeline",
    use_case=held.list_held,
    component="HeldPriceListResponse",
    data=list[HeldPrice],
    query=HeldQuery,
    example=many(HeldPrice(**_HELD)),
)


def _decision(verb: str, status: str, summary: str, description: str) -> Action:
    return Action(
        method="POST",
        path=f"/v1/pipeline/held/{{id}}/{verb}",
        operation=f"{verb}HeldPrice",
        tag="pipeline",
        summary=summary,
        description=description,
        scope="admin",
        use_case=held.accept if verb == "accept" else held.reject,
        component="HeldPriceResponse",
        data=HeldPrice,
        names={"id": "27"},
        example=one(HeldPrice(**_HELD | _DECIDED | {"status": status})),
        errors=("not_found", "conflict"),
    )


ACCEPT: Final = _decision(
    "accept", "accepted", "Publish a held price", "Writes a held price in your name."
)
REJECT: Final = _decision(
    "reject",
    "rejected",
    "Reject a held price",
    "Keeps a held price from being published, also when it is proposed again.",
)
ACTIONS: Final = (OPEN, RUNS, RUN, PUSH, COMPLETE, INGEST, HELD, ACCEPT, REJECT)
