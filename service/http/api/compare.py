"""Models side by side over HTTP."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from service.application import compare
from service.domain.compare import ComparedModel, Comparison
from service.http.endpoint import Endpoint
from service.http.examples import MODEL, PRICE, SCORE, one


def _column(id: str, name: str, cost: str, context_window: int) -> ComparedModel:
    values = msgspec.structs.asdict(MODEL)
    del values["history"]
    provider_id, _, model_id = id.partition("/")
    values |= {
        "id": id,
        "provider_id": provider_id,
        "model_id": model_id,
        "name": name,
        "context_window": context_window,
        "pricing": msgspec.structs.replace(PRICE, model_id=id),
        "benchmarks": (msgspec.structs.replace(SCORE, model_id=id),),
        "cost": Decimal(cost),
    }
    return ComparedModel(**values)


MODELS: Final = Endpoint(
    path="/v1/compare",
    operation="compareModels",
    tag="models",
    summary="Models side by side",
    description=(
        "Up to 20 models in the order asked for: what they can do, their current prices and "
        "scores; `best` names the winners of each row. With `inputTokens`, `outputTokens` and "
        "`cachedInputTokens` (a part of the input) each has the `cost` of that workload."
    ),
    use_case=compare.compare_models,
    keep="prices",
    component="ComparisonResponse",
    not_found=True,
    asks={
        "ids": "anthropic/claude-sonnet-4-5,google/gemini-2.5-pro",
        "inputTokens": "1000000",
        "outputTokens": "200000",
    },
    example=one(
        Comparison(
            models=(
                _column("anthropic/claude-sonnet-4-5", "Claude Sonnet 4.5", "6", 200_000),
                _column("google/gemini-2.5-pro", "Gemini 2.5 Pro", "3.25", 1_048_576),
            ),
            best={"contextWindow": ("google/gemini-2.5-pro",), "cost": ("google/gemini-2.5-pro",)},
        )
    ),
)
