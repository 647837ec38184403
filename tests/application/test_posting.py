"""What is sent goes to public addresses only, however spelled, and never waits for ever."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from service.application.posting import Outcome, Poster, check_address, check_url
from service.domain.addresses import is_public
from service.domain.webhooks import LONGEST_WAIT, signature, wait_after
from service.errors import InvalidRequest
from tests.engines import free_port
from tests.receiver import check_signature, genuine, receiving

pytestmark = pytest.mark.anyio

SECRET = "whsec_x"


@asynccontextmanager
async def poster(*, anywhere: bool, deadline: float = 60.0) -> AsyncIterator[Poster]:
    made = Poster(deadline, anywhere=anywhere)
    try:
        yield made
    finally:
        await made.close()


async def post(url: str, *, anywhere: bool = True, deadline: float = 60.0) -> Outcome:
    async with poster(anywhere=anywhere, deadline=deadline) as made:
        return await made.post(url, b"{}", SECRET, "d1")


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1",
        "127.255.255.254", "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255",
        "192.0.0.192", "192.168.1.1", "198.18.0.1", "224.0.0.1", "239.255.255.250",
        "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "::ffff:7f00:1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1",
        "2001::1", "2001:db8::1", "2002:7f00:1::", "fc00::1", "fd00:ec2::254", "fdaa::3",
        "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "", "localhost", "1.1.1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "9.255.255.255", "11.0.0.0", "172.32.0.1", "192.0.1.1", "223.255.255.255",
     "::ffff:1.1.1.1", "2606:4700::1111", "2a00:1450::1"],
)  # fmt: skip
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)


HOSTS = (
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001",
    "localhost", "LOCALHOST", "127.0.0.1.", "0", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "[::]", "①②⑦.⓪.⓪.①", "10.0.0.1", "169.254.169.254",
    "2852039166", "[fe80::1]", "[fd00:ec2::254]", "[64:ff9b::7f00:1]", "192.168.0.1",
    "100.100.100.200", "224.0.0.1",
)  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
async def test_private_hosts_are_refused(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: Any) -> None:
        raise AssertionError("connected")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", connect)
    outcome = await post(f"https://{host}:{free_port()}/hook", anywhere=False)
    assert outcome.status is None
    words = ("is not a public address", "cannot connect", "must be visible ASCII", "canonical IPv4")
    assert outcome.error
    assert any(word in outcome.error for word in words), outcome.error


async def test_nothing_is_sent_to_a_name_with_any_private_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with receiving() as receiver:
        port = int(receiver.url.rpartition(":")[2])
        found = ["93.184.216.34", "127.0.0.1"]

        def resolve(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
            assert host == "rebind.example"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        outcome = await post(f"https://rebind.example:{port}/", anywhere=False)
        assert outcome.error
        assert "rebind.example (127.0.0.1) is not a public address" in outcome.error
        with pytest.raises(InvalidRequest, match="not a public address"):
            await check_address(f"https://rebind.example:{port}/")
        assert receiver.posts == []


async def test_a_name_is_resolved_once_for_check_and_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter(["203.0.114.7"])
    connected = []

    def resolve(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        # A second question would be answered with a private address.
        one = next(answers, "127.0.0.1")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))]

    async def connect(_: Any, address: Any) -> None:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", connect)
    await post("https://rebind.example/", anywhere=False)
    assert connected == ["203.0.114.7"]


@pytest.mark.parametrize(
    "url",
    ["http://example.com/", "ftp://example.com", "https://", "https:///x", "example.com", "",
     "https://user:pass@example.com/", "https://example.com/#x", "https://exa mple.com/",
     "https://example.com/\n", "https://example.com:99999/", "https://[::1/", "file:///etc/passwd",
     "https://example.com/" + "x" * 2000],
)  # fmt: skip
async def test_bad_urls(url: str) -> None:
    with pytest.raises(InvalidRequest):
        check_url(url, anywhere=False)
    outcome = await post(url, anywhere=False)
    assert outcome.status is None
    assert outcome.error


async def test_a_post_is_signed() -> None:
    async with receiving() as receiver:
        assert await post(f"{receiver.url}/hook?a=b") == Outcome(200, None)
        (sent,) = receiver.posts
        check_signature(sent, SECRET)
        assert sent.delivery == "d1"


def test_the_signature_is_what_it_is_said_to_be() -> None:
    # Computed by `printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec_x`.
    assert signature(SECRET, b"{}", 1700000000) == "t=1700000000,v1=" + EXPECTED


@pytest.mark.parametrize(
    ("secret", "age", "body"), [("whsec_y", 0, b"{}"), (SECRET, 700, b"{}"), (SECRET, 0, b"{ }")]
)
def test_what_is_not_genuine(secret: str, age: int, body: bytes) -> None:
    signed = signature(SECRET, b"{}", int(time.time()) - age)
    assert not genuine(secret, signed, body)


EXPECTED = "be8cb8325f2202445260a855532f967e30ad2a9394ce28da66ee02880ddcb661"


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (500, 500, "status 500: as told"),
        (404, 404, "status 404: as told"),
        ("redirect", 302, "status 302: redirects are not followed"),
        ("drop", None, "closed the connection"),
        ("flood", 500, "status 500: xxx"),
        ("hang", None, "no answer within 1 s"),
    ],
)
async def test_what_goes_wrong_is_told(answer: int | str, status: int | None, words: str) -> None:
    async with receiving(lambda _: answer) as receiver:
        begin = time.monotonic()
        outcome = await post(receiver.url, deadline=1.0 if answer == "hang" else 60.0)
        assert outcome.status == status
        assert outcome.error
        assert words in outcome.error
        assert len(outcome.error) < 300
        assert len(receiver.posts) == 1, "a redirect is not followed"
        assert time.monotonic() - begin < 30


async def test_nobody_listens() -> None:
    outcome = await post(f"http://127.0.0.1:{free_port()}/")
    assert outcome.error
    assert outcome.error.startswith("cannot connect")


async def test_an_answer_that_never_ends() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(1000):
            writer.write(b"x")
            await asyncio.sleep(0.01)

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        outcome = await post(f"http://127.0.0.1:{port}/", deadline=0.3)
        assert outcome == Outcome(None, "no answer within 0.3 s")


def test_waits_grow_up_to_a_bound() -> None:
    waits = [wait_after(attempts, 1.0) for attempts in range(1, 60)]
    assert waits[:4] == [1, 2, 4, 8]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT
    assert wait_after(3, 0.0) == 2
