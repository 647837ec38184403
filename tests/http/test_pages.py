"""Pages are kept, conditional and refused as answers of the API are, and load assets from here."""

from __future__ import annotations

import re
from decimal import Decimal

import httpx
import pytest

from service.domain.queries import CompareQuery, ModelListing
from service.http.pages import assets
from service.http.pages.forms import link, tidy
from service.http.pages.page import POLICY

pytestmark = pytest.mark.anyio


async def test_kept_and_conditional(client: httpx.AsyncClient) -> None:
    first = await client.get("/?q=sonnet")
    assert first.status_code == 200
    assert first.headers["content-type"] == "text/html; charset=utf-8"
    assert first.headers["x-cache"] == "miss"
    spelled = await client.get("/?q=sonnet&minContext=&provider=")
    assert spelled.headers["x-cache"] == "hit"
    again = await client.get("/?q=sonnet")
    assert again.headers["x-cache"] == "hit"
    assert again.content == first.content
    same = await client.get("/?q=sonnet", headers={"If-None-Match": first.headers["etag"]})
    assert same.status_code == 304
    slow = await client.get(
        "/?q=sonnet", headers={"If-None-Match": first.headers["etag"], "Min-Revision": "1"}
    )
    assert slow.status_code == 304
    for response in (first, spelled, again, same, slow):
        assert response.headers.get_list("content-security-policy") == [POLICY[1].decode()]


async def test_what_api_answers_allow(client: httpx.AsyncClient) -> None:
    for _ in range(2):
        response = await client.get("/v1/models")
        policies = response.headers.get_list("content-security-policy")
        assert policies == ["default-src 'none'; frame-ancestors 'none'"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/?minContext=many", "minContext must be a whole number"),
        ("/?colour=red", "unknown parameter"),
        ("/?colour=", "unknown parameter"),
        ("/?q=a&q=b", "q is given more than once"),
    ],
)
async def test_refused_as_a_page(client: httpx.AsyncClient, path: str, words: str) -> None:
    response = await client.get(path)
    assert response.status_code == 400
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers.get_list("content-security-policy") == [POLICY[1].decode()]
    assert words in response.text


async def test_text_is_shown_as_text(client: httpx.AsyncClient) -> None:
    response = await client.get("/", params={"q": '"><script>alert(1)</script>'})
    assert response.status_code == 200
    assert "<script>alert" not in response.text
    assert "&#34;&gt;&lt;script&gt;" in response.text


async def test_assets(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    paths = re.findall(r'"(/assets/[^"]+)"', page.text)
    assert len(paths) >= 2
    for path in paths:
        response = await client.get(path)
        assert response.status_code == 200, path
        assert "immutable" in response.headers["cache-control"]


@pytest.mark.parametrize("name", ["app.css", "htmx.js", "uplot.js", "uplot.css"])
async def test_an_asset(client: httpx.AsyncClient, name: str) -> None:
    plain = await client.get(assets.url(name), headers={"Accept-Encoding": "identity"})
    packed = await client.get(assets.url(name), headers={"Accept-Encoding": "br"})
    assert packed.headers["content-encoding"] == "br"
    assert int(packed.headers["content-length"]) < len(plain.content) == len(packed.content)
    assert packed.headers["vary"] == "Accept-Encoding"
    older = await client.get(f"/assets/0123456789ab/{name}")
    assert older.content == plain.content
    assert "immutable" not in older.headers["cache-control"]


@pytest.mark.parametrize("path", ["/assets/x", "/assets/1/../../reply.py", "/assets/1/page.py"])
async def test_no_such_asset(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


def test_what_a_form_sends() -> None:
    assert tidy(b"q=&provider=a&supports=tools&supports=vision&provider=b+c", ModelListing) == (
        b"provider=a,b+c&supports=tools,vision"
    )
    assert tidy(b"q=+%20&q=a&q=b&x=", ModelListing) == b"q=a&q=b&x="


def test_links() -> None:
    query = ModelListing(q="a b&c", provider=("x", "y"), max_input_price=Decimal("0.10"), page=3)
    assert link("/", query, page=1) == "/?q=a+b%26c&provider=x,y&maxInputPrice=0.10"
    assert link("/models/a/b@c:d?") == "/models/a/b@c:d%3F"
    assert link("/compare", CompareQuery(ids=("a/b", "c/d+e"))) == "/compare?ids=a/b,c/d%2Be"


def test_every_file_is_there() -> None:
    for name in ("htmx.js", "uplot.js", "uplot.css", "app.css", "icon.svg"):
        asset = assets.find(name)
        assert asset is not None
        assert asset.body
    assert assets.find("../page.py") is None
