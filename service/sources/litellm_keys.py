"""What the keys of LiteLLM's entries name: whose offers, which modes, and what is no model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from service.domain.models import Mode

# Providers that are known under other ids: the first takes what is new.
PROVIDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "abliteration": ("abliteration-ai",),
    "amazon_nova": ("nova",),
    "azure_ai": ("azure", "azure-cognitive-services"),
    "azure_text": ("azure",),
    "bedrock": ("amazon-bedrock",),
    "bedrock_converse": ("amazon-bedrock",),
    "bedrock_mantle": ("amazon-bedrock",),
    "bigmodel": ("zhipuai",),
    "cloudflare": ("cloudflare-workers-ai",),
    "codestral": ("mistral",),
    "cohere_chat": ("cohere",),
    "dashscope": ("alibaba",),
    "fireworks_ai-embedding-models": ("fireworks-ai",),
    "friendliai": ("friendli",),
    "gemini": ("google",),
    "gmi": ("gmicloud",),
    "meta_llama": ("llama",),
    "moonshot": ("moonshotai",),
    "novita": ("novita-ai",),
    "nvidia_nim": ("nvidia",),
    "perplexity": ("perplexity", "perplexity-agent"),
    "text-completion-codestral": ("mistral",),
    "text-completion-inception": ("inception",),
    "text-completion-openai": ("openai",),
    "together_ai": ("togetherai",),
    "vercel_ai_gateway": ("vercel",),
    "vertex_ai": ("google-vertex",),
    "vertex_ai-anthropic_models": ("google-vertex-anthropic", "google-vertex"),
    "voyage": ("voyageai",),
    "xiaomi_mimo": ("xiaomi",),
}
MODES: Final[Mapping[str, Mode]] = {
    **{mode: mode for mode in ("chat", "completion", "embedding", "rerank", "moderation", "ocr")},
    "responses": "chat",
    "realtime": "chat",
    "image_generation": "image",
    "image_edit": "image",
    "video_generation": "video",
    "audio_speech": "speech",
    "audio_transcription": "transcription",
}
# Other routes to offers that have entries of their own.
_OTHER_ROUTES: Final = frozenset({"azure_ai", "bedrock_mantle", "text-completion-codestral"})
_TOOLS: Final = frozenset({"search", "vector_store", "guardrail"})
# What a key may be instead of a model's, and why it is left out.
_VARIANTS: Final = (
    (re.compile(r"^ft:|/ft:"), "a price of tuned models, not a model"),
    (re.compile(r"\d-x-\d|(\d|max)-steps/"), "a price of one size and quality of pictures"),
    (
        re.compile(
            r"^(azure|azure_ai|bedrock|bedrock_mantle)/"
            r"(us|eu|us-gov|global|global-standard|\*|[a-z]{2}(-gov)?-[a-z]+-\d)/"
        ),
        "a price of one region",
    ),
    (re.compile(r"^(fireworks|together)-ai-"), "a price of a class of models"),
)


def no_model(key: str, entry: Any) -> str | None:
    """Why an entry is no model; None where it is one."""
    if key == "sample_spec":
        return "the documentation of the format"
    if not isinstance(entry, dict) or not isinstance(entry.get("litellm_provider"), str):
        return "an entry without a provider"
    if entry.get("mode") in _TOOLS:
        return "a tool, not a model"
    return next((why for pattern, why in _VARIANTS if pattern.search(key)), None)


def is_other_route(entry: Any) -> bool:
    """Whether an entry may repeat what another one says of the same offer."""
    return isinstance(entry, dict) and entry.get("litellm_provider") in _OTHER_ROUTES


def offers(provider: str) -> tuple[str, ...]:
    """Our ids of a provider. Google's cloud has one name per maker of models."""
    if found := PROVIDERS.get(provider):
        return found
    if provider.startswith("vertex_ai-"):
        return PROVIDERS["vertex_ai"]
    return (provider.replace("_", "-"),)
