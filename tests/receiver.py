"""Somebody else's server: takes what webhooks send, and misbehaves as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import web

DOCUMENTATION = Path(__file__).parent.parent / "docs" / "webhooks.md"
# What it does with a request, given how many came before.
Behaviour = Callable[[int], int | str]


class Post(NamedTuple):
    """A request, and what it was answered."""

    delivery: str
    signature: str
    body: bytes
    answer: int | str

    @property
    def data(self) -> Any:
        return json.loads(self.body, parse_float=Decimal)

    @property
    def revisions(self) -> list[int]:
        return [event["revision"] for event in self.data["events"]]


def good(_: int) -> int:
    return 200


@dataclass(eq=False)
class Receiver:
    """`behaviour` gives a status, or `hang`, `drop`, `redirect`, `flood`."""

    behaviour: Behaviour = good
    posts: list[Post] = field(default_factory=list)
    url: str = ""
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def taken(self) -> list[Post]:
        """Requests that were answered well."""
        return [post for post in self.posts if post.answer == 200]

    @property
    def revisions(self) -> list[int]:
        """What was taken, in order, deliveries that came again left out."""
        once = {post.delivery: post for post in self.taken}
        return [revision for post in once.values() for revision in post.revisions]

    async def until(self, reached: Callable[[], bool], seconds: float = 60) -> None:
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(reached)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        assert request.method == "POST"
        assert request.headers["content-type"] == "application/json"
        answer = self.behaviour(len(self.posts))
        headers = request.headers
        post = Post(
            headers["x-aicompare-delivery"],
            headers["x-aicompare-signature"],
            await request.read(),
            answer,
        )
        async with self.changed:
            self.posts.append(post)
            self.changed.notify_all()
        match answer:
            case "hang":
                await asyncio.sleep(3600)
            case "drop":
                assert request.transport
                request.transport.abort()
                return web.Response()
            case "redirect":
                return web.Response(status=302, headers={"Location": f"{self.url}/elsewhere"})
            case "flood":
                response = web.StreamResponse(status=500)
                await response.prepare(request)
                with contextlib.suppress(ConnectionError):
                    while True:
                        await response.write(b"x" * 65536)
        return web.Response(status=int(answer), text="as\ntold\x07")


@contextlib.asynccontextmanager
async def receiving(behaviour: Behaviour = good, port: int = 0) -> AsyncIterator[Receiver]:
    """A receiver on a port of 127.0.0.1."""
    receiver = Receiver(behaviour)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()


def genuine(secret: str, signature: str, body: bytes) -> bool:
    """What the documentation tells a receiver to do, as it is written there."""
    (block,) = re.findall(r"```python\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    written: dict[str, Any] = {}
    exec(block, written)
    answer: bool = written["genuine"](secret, signature, body)
    return answer


def check_signature(post: Post, secret: str) -> None:
    assert genuine(secret, post.signature, post.body)
