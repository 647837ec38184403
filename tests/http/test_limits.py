"""What a client may ask for: how often, how much, and for how long. Refused in the envelope."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import apsw
import httpx
import pytest

from service.http import limits
from service.http.edge import CORS, POLICY, SECURITY
from service.http.limits import Rate, client_of
from tests.http.client import make_app, make_catalogue, running
from tests.operations.serving import served

pytestmark = pytest.mark.anyio

MODEL = "/v1/models/anthropic/claude-sonnet-4-5"
BOOTSTRAP = "b" * 40
ADMIN = {"authorization": f"Bearer {BOOTSTRAP}"}
WRONG = {"authorization": "Bearer " + "x" * 40}


@asynccontextmanager
async def asked(
    url: str, peer: str = "203.0.113.9", **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A client at an address."""
    app = make_app(url, bootstrap_token=BOOTSTRAP, **settings)
    async with running(app):
        transport = httpx.ASGITransport(app=app, client=(peer, 5000), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


def check(response: httpx.Response, status: int, code: str) -> str:
    assert response.status_code == status, response.text
    read = response.request.method in ("GET", "HEAD", "OPTIONS")
    for name, value in (*SECURITY, POLICY, *(CORS if read else ())):
        assert response.headers[name.decode()] == value.decode(), name
    assert response.headers["x-request-id"]
    body = response.json()
    assert body["data"] is None
    assert body["error"]["code"] == code
    message: str = body["error"]["message"]
    return message


def test_a_rate_is_a_burst_and_then_so_many_a_second() -> None:
    rate = Rate(per_second=2, burst_seconds=5)
    taken = 0
    while not rate.wait("a", 100.0):
        rate.use("a", 100.0)
        taken += 1
    assert taken == 10
    assert rate.wait("a", 100.0) == pytest.approx(0.5)
    assert rate.wait("b", 100.0) == 0
    assert rate.wait("a", 100.5) == 0
    rate.use("a", 100.5)
    assert rate.wait("a", 100.6) == pytest.approx(0.4)
    assert rate.wait("a", 200.0) == 0
    single = Rate(per_second=0.1, burst_seconds=0)
    assert single.wait("a", 0.0) == 0
    single.use("a", 0.0)
    assert single.wait("a", 0.0) == pytest.approx(10)


def test_no_number_of_clients_grows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_CLIENTS", 100)
    rate = Rate(per_second=1, burst_seconds=5)
    for _ in range(5):
        rate.use("greedy", 0.0)
    for number in range(5000):
        rate.use(str(number), 0.0)
        assert len(rate._due) <= 100
    assert rate.wait("greedy", 0.0) > 0, "who has used most is remembered"


def test_who_an_address_stands_for() -> None:
    assert client_of("::ffff:192.0.2.1") == client_of("192.0.2.1") == "192.0.2.1"
    assert client_of("2001:db8:1:2:3::4") == client_of("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert client_of("2001:db8:1:3::9") != client_of("2001:db8:1:2::9")
    assert client_of("fe80::1%eth0") == "fe80::/64"
    assert client_of("unix") == client_of("x" * 1000) == ""


async def test_reads_are_limited_whether_kept_or_not(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("service.http.edge.perf_counter", lambda: now)
    async with asked(url, rate_limit_reads=1, rate_limit_burst_seconds=3) as client:
        states = [(await client.get(MODEL)).headers["x-cache"] for _ in range(3)]
        assert states == ["miss", "hit", "hit"]
        for path in (MODEL, "/v1/models", "/nope", "/docs"):
            response = await client.get(path)
            assert "Retry-After" in check(response, 429, "rate_limited")
            assert response.headers["retry-after"] == "1"
            assert response.headers["cache-control"] == "no-store"
        assert (await client.head(MODEL)).status_code == 429
        for path in ("/health/live", "/health/ready"):
            assert (await client.get(path)).status_code == 200
        assert (await client.delete("/v1/models/no/one", headers=ADMIN)).status_code == 404
        now += 1.05
        response = await client.get("/metrics")
    assert response.status_code == 200
    assert 'aicompare_rate_limited_total{kind="reads"} 5' in response.text
    assert 'aicompare_requests_total{route="none",status="429"} 5' in response.text


async def test_writes_have_a_limit_of_their_own(url: str) -> None:
    async with asked(url, rate_limit_writes=0.05, rate_limit_burst_seconds=40) as client:
        for _ in range(2):
            response = await client.post("/v1/pipeline/runs", headers=ADMIN, json={})
            assert response.status_code == 201
        check(await client.post("/v1/pipeline/runs", headers=ADMIN, json={}), 429, "rate_limited")
        assert (await client.get("/v1/pipeline/runs", headers=ADMIN)).status_code == 200


async def test_who_guesses_tokens_is_turned_away_unheard(url: str) -> None:
    settings = {"rate_limit_failures": 0.05, "rate_limit_burst_seconds": 40}
    async with asked(url, **settings) as client:
        for _ in range(2):
            check(await client.get("/v1/pipeline/runs", headers=WRONG), 401, "unauthorized")
        # Not even a good one tells whether the guess was right.
        for headers in (WRONG, ADMIN):
            response = await client.get("/v1/pipeline/runs", headers=headers)
            check(response, 429, "rate_limited")
            assert int(response.headers["retry-after"]) >= 1
        assert (await client.get(MODEL)).status_code == 200


async def test_only_a_trusted_proxy_says_who_the_client_is(url: str) -> None:
    settings = {"rate_limit_reads": 0.01, "rate_limit_burst_seconds": 0}

    async def statuses(client: httpx.AsyncClient, header: str, *values: str) -> list[int]:
        return [(await client.get(MODEL, headers={header: v})).status_code for v in values]

    two = ("198.51.100.1", "198.51.100.2")
    async with asked(url, **settings) as client:
        assert await statuses(client, "x-forwarded-for", *two) == [200, 429]
    async with asked(url, **settings, trusted_proxies="10.0.0.0/8") as client:
        assert await statuses(client, "x-forwarded-for", *two) == [200, 429]
    proxies = "10.0.0.0/8, fdaa::/16"
    for peer in ("10.1.2.3", "::ffff:10.1.2.3", "fdaa::5"):
        async with asked(url, peer, **settings, trusted_proxies=proxies) as client:
            assert await statuses(client, "x-forwarded-for", *two) == [200, 200]
            # What the client itself wrote is on the left, and of no account.
            forged = ("1.1.1.1, 198.51.100.1", "2.2.2.2, 198.51.100.2, 10.9.9.9")
            assert await statuses(client, "x-forwarded-for", *forged) == [429, 429]
            assert await statuses(client, "fly-client-ip", "198.51.100.7") == [200]
            assert await statuses(client, "fly-client-ip", "198.51.100.8") == [429]
    fly = {"trusted_proxies": proxies, "client_address_header": "fly-client-ip"}
    async with asked(url, "fdaa::5", **settings, **fly) as client:
        assert await statuses(client, "fly-client-ip", *two) == [200, 200]
        assert await statuses(client, "x-forwarded-for", *two) == [200, 429]


async def test_headers_have_bounds(url: str) -> None:
    async with asked(url, max_headers=30, max_header_bytes=2000) as client:
        many = {f"x-{number}": "1" for number in range(40)}
        message = check(await client.get("/v1/models", headers=many), 400, "invalid_request")
        assert "30 are read" in message
        large = {"x-large": "x" * 2000}
        message = check(await client.get("/v1/models", headers=large), 400, "invalid_request")
        assert "2000 are read" in message
        assert (await client.get("/v1/models")).status_code == 200


async def test_bodies_have_bounds(url: str) -> None:
    async with asked(url, max_body_bytes=1024) as client:
        large = {"errors": ["x" * 2000]}
        response = await client.post("/v1/pipeline/runs", headers=ADMIN, json=large)
        check(response, 413, "payload_too_large")
        deep = b'{"source":' + b"[" * 400 + b"]" * 400 + b"}"
        response = await client.post(
            "/v1/pipeline/runs",
            headers=ADMIN | {"content-type": "application/json"},
            content=deep,
        )
        check(response, 400, "invalid_request")


async def test_an_answer_begins_within_the_deadline(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    url = await asyncio.to_thread(make_catalogue, path)
    async with asked(url, request_deadline=0.3) as client:
        with closing(apsw.Connection(str(path))) as other:
            other.execute("BEGIN IMMEDIATE")  # writers wait for a minute
            begin = time.monotonic()
            response = await client.post("/v1/pipeline/runs", headers=ADMIN, json={})
            assert "0.3 s" in check(response, 503, "unavailable")
            assert time.monotonic() - begin < 30
        response = await client.post("/v1/pipeline/runs", headers=ADMIN, json={})
        assert response.status_code == 201


def _talk(address: str, sent: bytes) -> tuple[bytes, float]:
    """What is answered to a request that stops in its middle, and after how many seconds."""
    begin = time.monotonic()
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(sent)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
            if b"\r\n\r\n" in answer:
                break
    return answer, time.monotonic() - begin


def test_slow_clients_are_not_waited_for(url: str, tmp_path: Path) -> None:
    """Neither for headers that never end nor for a body; others are answered meanwhile."""
    settings = {"DATABASE_URL": url, "BOOTSTRAP_TOKEN": BOOTSTRAP, "BODY_DEADLINE": "1"}
    body = (
        f"POST /v1/pipeline/runs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {BOOTSTRAP}\r\n"
        'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"source"'
    ).encode()
    with served(tmp_path / "log", **settings) as address:
        heads: list[tuple[bytes, float]] = []
        slow = threading.Thread(
            target=lambda: heads.append(_talk(address, b"GET /v1/models HTTP/1.1\r\nHost: x\r\n"))
        )
        slow.start()
        answer, seconds = _talk(address, body)
        assert answer.startswith(b"HTTP/1.1 400")
        assert 1 <= seconds < 30
        assert httpx.get(f"{address}/v1/models", trust_env=False, timeout=60).status_code == 200
        slow.join(60)
        (head, seconds), *_ = heads
        assert head == b"" or head.startswith(b"HTTP/1.1 408")
        assert seconds < 50
