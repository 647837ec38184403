"""What a model is for, told from its name and modalities where its source does not say."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from service.domain.models import Mode

# Modes that are billed by minute, picture or page as a rule: no price per token is not free.
NOT_BY_TOKEN: Final[frozenset[Mode]] = frozenset(
    {"speech", "transcription", "image", "video", "ocr", "other"}
)

# The first that is found decides. `embed` comes before `rerank` in no real name.
_NAMES: Final[tuple[tuple[Mode, re.Pattern[str]], ...]] = (
    ("embedding", re.compile(r"embed|\bbge-(?!rerank)|^voyage-(?!rerank)|^ada$|-ada-00")),
    ("rerank", re.compile(r"rerank")),
    ("moderation", re.compile(r"moderation|safeguard|guard\b|guard-|-guard|content-safety")),
    ("ocr", re.compile(r"\bocr\b|ocr-|-ocr|paddleocr")),
    ("transcription", re.compile(r"whisper|transcribe|transcription|\bscribe\b|\bstt\b|\basr\b")),
    ("speech", re.compile(r"\btts\b|speech|melotts|orpheus|\baura-|elevenlabs")),
)


def mode_of(model_id: str, inputs: Collection[str] = (), outputs: Collection[str] = ()) -> Mode:
    """The mode of a model: by its name, then by what it puts out; `chat` where neither tells.

    A model that writes text beside pictures or sound is a chat model, unless its name says image.
    """
    name = model_id.rsplit("/", 1)[-1].lower().replace("_", "-")
    for mode, pattern in _NAMES:
        if pattern.search(name):
            return mode
    if "video" in outputs:
        return "video"
    if "image" in outputs and ("text" not in outputs or "image" in name):
        return "image"
    if "audio" in outputs and "text" not in outputs:
        return "speech"
    if "text" not in outputs and outputs:
        return "other"
    if tuple(inputs) == ("audio",):
        return "transcription"
    return "chat"
