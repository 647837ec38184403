"""A browser in so far as forms and cookies need one: no script, no layout."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import httpx

from service.application import tokens
from service.domain.tokens import Scope
from tests.databases import writing
from tests.engines import Engine
from tests.pipeline.conftest import Clock, serving

ORIGIN = "http://test"


class Browser:
    """Sends forms with their origin and whatever cookie there is."""

    def __init__(self, client: httpx.AsyncClient, clock: Clock, token: str) -> None:
        self.client, self.clock, self.token = client, clock, token
        self.csrf = ""

    async def get(self, path: str, status: int = 200, **headers: str) -> httpx.Response:
        response = await self.client.get(path, headers=_headers(headers))
        assert response.status_code == status, (path, response.status_code, response.text[-2000:])
        return response

    async def post(
        self, path: str, status: int = 200, *, origin: str | None = ORIGIN, **form: Any
    ) -> httpx.Response:
        headers = {} if origin is None else {"origin": origin}
        response = await self.client.post(path, data={"csrf": self.csrf} | form, headers=headers)
        assert response.status_code == status, (path, response.status_code, response.text[-2000:])
        return response

    async def sign_in(self, token: str | None = None, place: str = "/admin") -> httpx.Response:
        response = await self.post("/admin/sign-in", 303, token=token or self.token, next=place)
        page = await self.get("/admin/tables/providers")
        self.csrf = re.findall(r'name="csrf" value="(\w+)"', page.text)[0]
        return response

    async def script(self, method: str, path: str, place: str, **values: Any) -> httpx.Response:
        """What htmx sends from a page at a place."""
        sent = {"data": values} if method == "POST" else {"params": values}
        headers = {
            "hx-request": "true",
            "hx-current-url": ORIGIN + place,
            "x-csrf-token": self.csrf,
            "origin": ORIGIN,
        }
        response = await self.client.request(method, path, headers=headers, **sent)
        assert response.status_code == 200, (path, response.status_code, response.text[-2000:])
        return response


def _headers(given: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in given.items()}


@asynccontextmanager
async def browser(
    engine: Engine, clock: Clock, scope: Scope = "admin", **settings: Any
) -> AsyncIterator[Browser]:
    """A browser on a new process of the service, and a token to sign in with."""
    async with writing(engine) as db:
        token = await tokens.create(db, f"ada-{id(settings)}", scope, clock())
    async with serving(engine, clock, **settings) as client:
        yield Browser(client, clock, str(token))


def alerts(page: httpx.Response) -> list[str]:
    """What a page says is wrong."""
    found = re.findall(r'<(p|div)\b[^>]*role="alert"[^>]*>(.*?)</\1>', page.text, re.DOTALL)
    texts = [unescape(re.sub(r"<[^>]*>", " ", one)).strip() for _, one in found]
    return [text for text in texts if text]


def location(response: httpx.Response) -> str:
    """Where a response leads."""
    place = response.headers["location"]
    assert not urlsplit(place).netloc
    return str(place)
