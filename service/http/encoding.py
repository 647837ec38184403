"""Content encodings: which one a client wants, and how bytes get there."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import lru_cache
from typing import Final, Literal

import brotli
import zstandard

Encoding = Literal["identity", "gzip", "br", "zstd"]

# Below this many bytes compression costs more than it saves.
WORTH_IT: Final = 1024

# The ones we can write, best first where a client likes several equally.
_ENCODERS: Final[dict[Encoding, Callable[[bytes], bytes]]] = {
    "br": lambda body: brotli.compress(body, quality=5),
    "zstd": lambda body: zstandard.ZstdCompressor(level=6).compress(body),
    "gzip": lambda body: gzip.compress(body, 6, mtime=0),
}


def compress(body: bytes, encoding: Encoding) -> bytes:
    """The body in this encoding; the same bytes each time."""
    return body if encoding == "identity" else _ENCODERS[encoding](body)


@lru_cache(maxsize=512)
def negotiate(accept: bytes) -> Encoding:
    """The encoding to answer in, by RFC 9110's rules for `Accept-Encoding` and its q-values.

    A client that refuses everything we can write gets the bytes as they are.
    """
    wanted: dict[str, float] = {}
    for item in accept.decode("latin-1").lower().split(","):
        name, _, parameters = item.strip().partition(";")
        weight = parameters.strip().removeprefix("q=")
        try:
            wanted[name.strip()] = float(weight) if weight else 1.0
        except ValueError:
            continue
    others = wanted.get("*", 0.0)
    best: Encoding = "identity"
    liking = wanted.get("identity", 0.0)
    for encoding in _ENCODERS:
        if (weight_of := wanted.get(encoding, others)) > liking:
            best, liking = encoding, weight_of
    return best
