"""The document of a source, from a file or over the network: bounded in size and time."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import aiohttp

from service.errors import ServiceError

LARGEST: Final = 64 * 1024 * 1024
# Seconds for a whole document.
DEADLINE: Final = 120.0


def from_file(path: Path) -> bytes:
    """What a file holds. Raises `ServiceError`."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise ServiceError(f"{path} cannot be read: {error.strerror}") from None
    return _bounded(content, str(path))


async def from_url(url: str, deadline: float = DEADLINE) -> bytes:
    """What a web server answers. Raises `ServiceError`."""
    if not url.startswith(("http://", "https://")):
        raise ServiceError(f"{url} cannot be fetched: http:// or https:// is needed")
    parts: list[bytes] = []
    size = 0
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=deadline)) as session,
            session.get(url) as response,
        ):
            if response.status != 200:
                raise ServiceError(f"{url} cannot be fetched: it answers {response.status}")
            async for part in response.content.iter_chunked(65_536):
                parts.append(part)
                size += len(part)
                if size > LARGEST:
                    break
    except TimeoutError:
        raise ServiceError(f"{url} cannot be fetched within {deadline:g} s") from None
    except (aiohttp.ClientError, ValueError, OSError) as error:
        raise ServiceError(f"{url} cannot be fetched: {error or type(error).__name__}") from None
    return _bounded(b"".join(parts), url)


def _bounded(content: bytes, name: str) -> bytes:
    if len(content) > LARGEST:
        raise ServiceError(f"{name} is larger than the {LARGEST // 1024 // 1024} MB that are read")
    return content
