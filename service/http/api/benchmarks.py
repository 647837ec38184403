"""Benchmark scores over HTTP."""

from __future__ import annotations

from typing import Final

import msgspec

from service.application import benchmarks
from service.domain.benchmarks import RankedScore
from service.http.endpoint import Endpoint
from service.http.examples import MODEL, PRICE, SCORE, many

LIST: Final = Endpoint(
    path="/v1/benchmarks",
    operation="listScores",
    tag="benchmarks",
    summary="Benchmark scores",
    description=(
        "Scores of models. With `name` it is the leaderboard of that benchmark: ranked, the best "
        "first, with the current price of each model beside its score."
    ),
    use_case=benchmarks.list_scores,
    keep="prices",
    component="ScoreListResponse",
    asks={"name": "arena-overall", "pageSize": "10"},
    example=many(
        RankedScore(
            **msgspec.structs.asdict(SCORE),
            rank=1,
            model_name=MODEL.name,
            provider_id=MODEL.provider_id,
            pricing=PRICE,
        ),
        page_size=10,
    ),
)
