"""Request bodies, read up to a limit."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Request
from litestar.exceptions import HTTPException, InternalServerException

from service.errors import InvalidRequest, PayloadTooLarge
from service.http.words import quoted


async def read(request: Request[Any, Any, Any], limit: int, seconds: float) -> bytes:
    """The whole body. Raises `PayloadTooLarge` as soon as it is known to be over the limit.

    Raises `InvalidRequest` for one that has not arrived within so many seconds.
    """
    media = request.headers.get("content-type", "application/json").partition(";")[0].strip()
    if media.lower() != "application/json":
        raise InvalidRequest(f"the body must be application/json, not {quoted(media)}")
    if encoding := request.headers.get("content-encoding"):
        raise InvalidRequest(f"the body must come as it is, not encoded as {quoted(encoding)}")
    try:
        async with asyncio.timeout(seconds):
            return await request.body()
    except TimeoutError:
        raise InvalidRequest(
            f"the body did not arrive within {seconds:g} s: send it faster, or in parts"
        ) from None
    except InternalServerException:  # how the framework tells it
        raise InvalidRequest("the client went away before the whole body had arrived") from None
    except HTTPException as error:
        if error.status_code != 413:
            raise
        raise PayloadTooLarge(
            f"the body is larger than the {limit} bytes that are read: send it in parts"
        ) from None
