"""`/docs` works without the rest of the internet."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from tests.http.client import make_app, running

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with running(make_app(f"file:{tmp_path / 'none.db'}")) as client:
        yield client


class Page(HTMLParser):
    """Collects what a page loads, and what its policy would forbid."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.inline: list[str] = []
        self._tag = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        self.links += [value for name, value in attrs if name in ("src", "href") and value]
        self.inline += [name for name, _ in attrs if name == "style" or name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        self._tag = ""

    def handle_data(self, data: str) -> None:
        if self._tag in ("script", "style") and data.strip():
            self.inline.append(data)


async def test_the_page_loads_only_from_here(client: httpx.AsyncClient) -> None:
    response = await client.get("/docs")
    page = Page(response.text)
    assert page.inline == []
    assert page.links
    for link in page.links:
        assert re.fullmatch(r"/[a-z][a-z./-]*", link)
        loaded = await client.get(link)
        assert loaded.status_code == 200
        assert loaded.content
    assert "http://" not in response.text
    assert "https://" not in response.text


async def test_the_policy_forbids_the_rest(client: httpx.AsyncClient) -> None:
    policy = (await client.get("/docs")).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "http" not in policy


async def test_the_start_script_asks_no_other_host(client: httpx.AsyncClient) -> None:
    script = (await client.get("/docs/start.js")).text
    assert '"/openapi.json"' in script
    assert "validatorUrl: null" in script
    assert "//" not in script


async def test_assets_are_typed_and_kept(client: httpx.AsyncClient) -> None:
    for path, media in (
        ("/docs/swagger-ui.js", "text/javascript"),
        ("/docs/swagger-ui.css", "text/css"),
        ("/docs/favicon.png", "image/png"),
    ):
        first = await client.get(path)
        assert first.headers["content-type"].startswith(media)
        again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304
