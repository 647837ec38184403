"""Models: what a provider offers under an API identifier, and what it can do."""

from __future__ import annotations

import datetime
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, UnsetType

from service.domain.benchmarks import Score
from service.domain.pricing import Price
from service.domain.providers import Name, ProviderId, Url
from service.domain.text import CUTOFF, ID, MODEL_ID
from service.domain.values import Date, Record, Timestamp

Modality = Literal["text", "image", "audio", "video", "pdf"]
Mode = Literal[
    "chat",
    "completion",
    "embedding",
    "rerank",
    "moderation",
    "image",
    "video",
    "speech",
    "transcription",
    "ocr",
    "other",
]
# The values of `supports=`, each a column `supports_<snake_case>`.
Capability = Literal[
    "vision",
    "tools",
    "functionCalling",
    "streaming",
    "reasoning",
    "structuredOutput",
    "promptCaching",
]

Tokens = Annotated[int, Meta(ge=1, le=1_000_000_000_000)]
# What the provider's API takes.
OwnId = Annotated[str, Meta(pattern=MODEL_ID, max_length=200)]
ModelId = Annotated[str, Meta(pattern=ID, max_length=300, examples=["anthropic/claude-sonnet-4-5"])]
KnowledgeCutoff = Annotated[
    str,
    Meta(
        description="Last day or month of the training data, `YYYY-MM-DD` or `YYYY-MM`.",
        pattern=CUTOFF,
    ),
]

# One bit per capability and modality: what `listing.bits` is made of, here and in the migrations.
CAPABILITIES: Final[dict[str, int]] = {
    "vision": 1 << 0,
    "tools": 1 << 1,
    "functionCalling": 1 << 2,
    "streaming": 1 << 3,
    "reasoning": 1 << 4,
    "structuredOutput": 1 << 5,
    "promptCaching": 1 << 6,
}
OPEN_WEIGHTS: Final[dict[bool, int]] = {True: 1 << 7, False: 1 << 8}
_MODALITIES: Final[tuple[Modality, ...]] = ("text", "image", "audio", "video", "pdf")
INPUT_MODALITIES: Final[dict[str, int]] = {m: 1 << (9 + i) for i, m in enumerate(_MODALITIES)}
OUTPUT_MODALITIES: Final[dict[str, int]] = {m: 1 << (14 + i) for i, m in enumerate(_MODALITIES)}


class Model(Record, frozen=True, kw_only=True):
    """A model at one provider. `null` means unknown."""

    id: Annotated[str, Meta(description="`provider/model-id`.")]
    provider_id: str
    name: str
    model_id: Annotated[str, Meta(description="The identifier that the provider's API takes.")]
    family: str | None
    mode: Annotated[Mode, Meta(description="What the model is for.")]
    context_window: Annotated[int | None, Meta(description="Tokens, input and output together.")]
    max_output: Annotated[int | None, Meta(description="Tokens of one answer at most.")]
    input_modalities: tuple[Modality, ...]
    output_modalities: tuple[Modality, ...]
    supports_vision: bool | None
    supports_tools: bool | None
    supports_function_calling: bool | None
    supports_streaming: bool | None
    supports_reasoning: bool | None
    supports_structured_output: bool | None
    supports_prompt_caching: bool | None
    open_weights: bool | None
    license: str | None
    knowledge_cutoff: KnowledgeCutoff | None
    release_date: Date | None
    deprecated: bool
    deprecation_date: Date | None
    canonical: Annotated[
        str | None, Meta(description="Id of the same model at its maker, shared by all its hosts.")
    ]
    source_url: str | None
    created_at: Timestamp
    updated_at: Timestamp


class ModelDetail(Model, frozen=True, kw_only=True):
    """A model with its current price and whatever `include` named."""

    pricing: Annotated[
        Price | None | UnsetType, Meta(description="The current price; null when unknown.")
    ] = UNSET
    benchmarks: Annotated[
        tuple[Score, ...] | UnsetType, Meta(description="All scores, by name.")
    ] = UNSET
    history: Annotated[
        tuple[Price, ...] | UnsetType,
        Meta(description="All prices of all tiers, newest first; future-dated ones included."),
    ] = UNSET


class ModelRow(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model as a pipeline writes it. A member left out keeps its stored value."""

    provider_id: ProviderId
    model_id: OwnId
    name: Name
    family: Annotated[str, Meta(min_length=1, max_length=100)] | None | UnsetType = UNSET
    mode: Mode | UnsetType = UNSET
    context_window: Tokens | None | UnsetType = UNSET
    max_output: Tokens | None | UnsetType = UNSET
    input_modalities: tuple[Modality, ...] | UnsetType = UNSET
    output_modalities: tuple[Modality, ...] | UnsetType = UNSET
    supports_vision: bool | None | UnsetType = UNSET
    supports_tools: bool | None | UnsetType = UNSET
    supports_function_calling: bool | None | UnsetType = UNSET
    supports_streaming: bool | None | UnsetType = UNSET
    supports_reasoning: bool | None | UnsetType = UNSET
    supports_structured_output: bool | None | UnsetType = UNSET
    supports_prompt_caching: bool | None | UnsetType = UNSET
    open_weights: bool | None | UnsetType = UNSET
    license: Annotated[str, Meta(min_length=1, max_length=200)] | None | UnsetType = UNSET
    knowledge_cutoff: KnowledgeCutoff | None | UnsetType = UNSET
    release_date: datetime.date | None | UnsetType = UNSET
    deprecated: bool | UnsetType = UNSET
    deprecation_date: datetime.date | None | UnsetType = UNSET
    canonical: ModelId | None | UnsetType = UNSET
    source_url: Url | None | UnsetType = UNSET

    @property
    def id(self) -> str:
        """`provider/model-id`."""
        return f"{self.provider_id}/{self.model_id}"
