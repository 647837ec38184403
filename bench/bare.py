"""What a hit is measured against: the same bytes as a constant, with and without the framework.

The same bytes are head and body, since a server's work grows with the number of header lines.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from litestar import Litestar, MediaType, Response, get

BODY = Path(os.environ["BENCH_BODY"]).read_bytes()
HEADERS = [
    (name.encode(), value.encode()) for name, value in json.loads(os.environ["BENCH_HEADERS"])
]


async def constant(scope: Any, receive: Any, send: Any) -> None:
    """The least that an ASGI application can do."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": BODY, "more_body": False})


FURTHER = {
    name.decode(): value.decode()
    for name, value in HEADERS
    if name not in (b"content-type", b"content-length")
}


@get("/{path:path}", media_type=MediaType.JSON)
async def constant_handler(path: str) -> Response[bytes]:
    return Response(BODY, headers=FURTHER)


handler = Litestar([constant_handler], openapi_config=None, logging_config=None)
