"""What all responses have in common: one shape, one set of headers, whoever answers."""

from __future__ import annotations

import json
import logging
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from msgspec import UNSET, Struct, UnsetType

from service.errors import Conflict, RateLimited, Unavailable
from service.http.errors import STATUS, refusal_of
from service.http.reply import csv_page, encode, select
from service.http.routes import ENDPOINTS, find
from tests.http.client import PATHS, make_app, running

pytestmark = pytest.mark.anyio

META = {"total", "page", "pageSize", "lastUpdated", "revision"}
MODEL = "/v1/models/anthropic/claude-sonnet-4-5"


def check_headers(response: httpx.Response) -> None:
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    read = response.request.method in ("GET", "HEAD", "OPTIONS")
    assert response.headers.get("access-control-allow-origin") == ("*" if read else None)
    assert response.headers["x-region"] == "fra"
    assert response.headers["x-request-id"]
    assert response.headers["server-timing"].startswith("total;dur=")


def check_error(response: httpx.Response, code: str) -> str:
    check_headers(response)
    assert response.status_code == STATUS[code]
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert list(body) == ["data", "meta", "error"]
    assert body["data"] is None
    assert body["meta"] == dict.fromkeys(META)
    assert set(body["error"]) - {"details"} == {"code", "message"}
    assert body["error"]["code"] == code
    message: str = body["error"]["message"]
    return message


@pytest.mark.parametrize("path", PATHS)
async def test_every_endpoint_answers_in_the_envelope(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 200, response.text
    check_headers(response)
    assert response.headers["cache-control"]
    if response.headers["content-type"] == "application/json":
        body = response.json()
        assert list(body) == ["data", "meta"]
        assert set(body["meta"]) - {"facets"} == META
        assert body["data"] is not None
        if body["meta"]["revision"] is not None:
            assert response.headers["x-revision"] == str(body["meta"]["revision"])


@pytest.mark.parametrize("path", PATHS)
async def test_head_is_get_without_the_body(client: httpx.AsyncClient, path: str) -> None:
    get, head = await client.get(path), await client.head(path)
    varying = {"server-timing", "x-cache", "x-request-id"}
    if path == "/metrics":  # which counts the first of the two requests
        varying.add("content-length")
    assert head.status_code == get.status_code
    assert head.content == b""
    assert {k: v for k, v in head.headers.items() if k not in varying} == {
        k: v for k, v in get.headers.items() if k not in varying
    }


@pytest.mark.parametrize("path", PATHS)
async def test_an_unknown_parameter_is_refused_everywhere(
    client: httpx.AsyncClient, path: str
) -> None:
    response = await client.get(path, params={**httpx.URL(path).params, "nonsense": "1"})
    assert "unknown parameter 'nonsense'" in check_error(response, "invalid_request")


@pytest.mark.parametrize(
    "path", [one for one in PATHS if one.startswith("/v1/") and ".csv" not in one]
)
async def test_what_a_client_has_already_is_not_sent_again(
    client: httpx.AsyncClient, path: str
) -> None:
    first = await client.get(path)
    tag = first.headers["etag"]
    assert tag.startswith('"')
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = await client.get(path, headers={"If-None-Match": known})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == first.headers["cache-control"]
        check_headers(again)
    assert (await client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200
    assert (await client.head(path, headers={"If-None-Match": tag})).status_code == 304


@pytest.mark.parametrize("path", ["/nope", "/v1", "/index.html", "/v1/nope/x", "/docs/nope.js"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_unrouted_path(client: httpx.AsyncClient, method: str, path: str) -> None:
    assert "/docs" in check_error(await client.request(method, path), "not_found")


@pytest.mark.parametrize(
    "path", ["/v1/models", "/v1/compare", "/docs", "/openapi.json", "/health/live"]
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_wrong_method(client: httpx.AsyncClient, method: str, path: str) -> None:
    response = await client.request(method, path)
    assert method in check_error(response, "method_not_allowed")
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_methods_of_a_path_that_can_be_written(client: httpx.AsyncClient) -> None:
    for method, status in (("POST", 405), ("OPTIONS", 204)):
        response = await client.request(method, MODEL)
        assert response.status_code == status
        assert response.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"


async def test_cors_is_open_for_reads(client: httpx.AsyncClient) -> None:
    asks = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    response = await client.options("/v1/models", headers=asks)
    assert response.status_code == 204
    assert response.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    assert "access-control-allow-credentials" not in response.headers
    check_headers(response)
    plain = await client.options("/v1/models")
    assert (plain.status_code, plain.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    check_headers(plain)


async def test_a_request_id_is_taken_over_or_made(client: httpx.AsyncClient) -> None:
    given = await client.get("/v1/models", headers={"X-Request-Id": "trace-1.2_3"})
    assert given.headers["x-request-id"] == "trace-1.2_3"
    hostile = await client.get("/v1/models", headers={"X-Request-Id": "a b<script>"})
    assert hostile.headers["x-request-id"] not in ("a b<script>", "")


@pytest.mark.parametrize(
    ("path", "id"),
    [
        ("anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        ("anthropic%2Fclaude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        ("openrouter/google/gemini-2.5-pro:free", "openrouter/google/gemini-2.5-pro:free"),
        ("openrouter%2Fgoogle%2Fgemini-2.5-pro%3Afree", "openrouter/google/gemini-2.5-pro:free"),
        ("openrouter/@preset/x", "openrouter/@preset/x"),
        ("openrouter/%40preset%2fx", "openrouter/@preset/x"),
    ],
)
async def test_model_ids_in_paths(client: httpx.AsyncClient, path: str, id: str) -> None:
    assert (await client.get(f"/v1/models/{path}")).json()["data"]["id"] == id


async def test_an_unknown_model_names_the_nearest(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/models/anthropic/claude-sonet-4-5")
    check_error(response, "not_found")
    assert "anthropic/claude-sonnet-4-5" in json.dumps(response.json()["error"]["details"])


async def test_bad_ids(client: httpx.AsyncClient) -> None:
    check_error(await client.get("/v1/models/a%00b"), "invalid_request")
    check_error(await client.get("/v1/models/" + "a" * 301), "invalid_request")


async def test_fields(client: httpx.AsyncClient) -> None:
    page = (await client.get("/v1/models", params={"fields": "pricing,id"})).json()
    assert page["meta"]["total"] == len(page["data"]) > 0
    assert all(list(one) == ["id", "pricing"] for one in page["data"])
    single = (await client.get(MODEL, params={"fields": "name"})).json()
    assert single["data"] == {"name": "Claude Sonnet 4.5"}


async def test_a_price_is_an_exact_decimal(client: httpx.AsyncClient) -> None:
    text = (await client.get(MODEL)).text
    assert '"inputPrice":3,' in text
    assert '"cachedInputPrice":0.0000001,' in text


async def test_csv_is_quoted_and_inert(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/export/providers.csv")
    assert response.headers["content-type"].startswith("text/csv")
    assert 'filename="providers.csv"' in response.headers["content-disposition"]
    header, *rows = response.text.split("\r\n")
    assert "name" in header.split(",")
    assert any("'=OpenRouter" in row for row in rows)
    assert not any(cell.startswith("=") for row in rows for cell in row.split(","))


async def test_a_database_that_is_away(tmp_path: Path) -> None:
    async with running(make_app(f"file:{tmp_path / 'none.db'}")) as client:
        for path in ("/v1/models", "/health/ready", "/v1/export/models.csv"):
            response = await client.get(path)
            message = check_error(response, "unavailable")
            assert int(response.headers["retry-after"]) >= 1
            assert str(tmp_path) not in message
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.get("/metrics")).status_code == 200


async def test_a_defect_is_logged_and_not_shown(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("SELECT secret FROM /etc/passwd")

    monkeypatch.setattr("service.http.endpoint.parse", broken)
    with caplog.at_level(logging.ERROR):
        response = await client.get("/v1/models", headers={"X-Request-Id": "find-me"})
    assert "find-me" in check_error(response, "internal")
    assert "secret" not in response.text
    assert "find-me" in caplog.text
    assert "SELECT secret" in caplog.text


def test_codes_and_their_statuses() -> None:
    for error, status, retry in (
        (Conflict("exists"), 409, None),
        (Unavailable("away", 2.5), 503, b"3"),
        (RateLimited("slow down", 0.1), 429, b"1"),
        (ValueError("x"), 500, None),
    ):
        reply = refusal_of(error, method="GET", path="/", request_id="1").json()
        assert reply.status == status
        assert dict(reply.headers).get(b"retry-after") == retry


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1E+3"), b"1000"),
        (Decimal("1E-7"), b"0.0000001"),
        (Decimal("0E-9"), b"0.000000000"),
        (Decimal("-1.5E-8"), b"-0.000000015"),
        (Decimal("0.01875"), b"0.01875"),
        ({"1E+3": ["E+5 \\", '"1E-7', Decimal("1E+1")]}, b'{"1E+3":["E+5 \\\\","\\"1E-7",10]}'),
    ],
)
def test_decimals_are_written_out(value: object, text: bytes) -> None:
    assert encode(value) == text


def test_csv_cells() -> None:
    cells = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", 'a"b', "a,b", "a\nb", None, -5, True, "ok"]
    assert csv_page([cells]) == (
        b'\'=1+1,\'+1,\'-1,\'@x,\'\tx,"\'\rx","a""b","a,b","a\nb",,-5,true,ok\r\n'
    )
    assert csv_page([[Decimal("-1E-7"), ("text", "image"), ()]]) == (
        b'-0.0000001,"text,image",\r\n'
    )


def test_members_that_are_left_out_stay_out() -> None:
    class Thing(Struct, rename="camel"):
        first_name: int = 1
        second_name: int | UnsetType = UNSET

    assert select([Thing()], ("firstName", "secondName")) == [{"firstName": 1}]


def test_paths_are_found_without_the_framework() -> None:
    for endpoint in ENDPOINTS:
        id = "a/b:c" if endpoint.prefix else ""
        assert find(endpoint.path.replace("{id}", id)) == (endpoint, id)
    assert find("/v1/models/") is None
    assert find("/nope") is None
