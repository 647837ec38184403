"""Writes that are sent on, put off or not answered; the token goes nowhere else."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from service.commands.primary import Primary, Refused, Unreachable
from service.errors import ServiceError

pytestmark = pytest.mark.anyio

GOOD = b'{"data": {"id": "1"}, "meta": {}}'


class Answer(NamedTuple):
    status: int
    body: bytes = GOOD
    headers: tuple[tuple[str, str], ...] = ()
    wait: float = 0.0


class Stub:
    """A server that gives these answers in turn, the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.seen: list[tuple[str, str | None, str | None, bytes]] = []
        self.answers = left = list(answers)
        seen = self.seen

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                key, token = self.headers["idempotency-key"], self.headers["authorization"]
                seen.append((self.path, key, token, body))
                answer = left.pop(0) if len(left) > 1 else left[0]
                time.sleep(answer.wait)
                self.send_response(answer.status)
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return self.server.server_port


Stubs = Callable[..., Stub]


@pytest.fixture
def stubs() -> Iterator[Stubs]:
    made: list[Stub] = []

    def make(*answers: Answer) -> Stub:
        made.append(Stub(*answers))
        return made[-1]

    yield make
    for stub in made:
        stub.server.shutdown()


async def post(url: str, *, also: str | None = None, deadline: float = 60.0) -> object:
    primary = Primary(url, "secret", also=also, waits=(0.01, 0.01), deadline=deadline)
    async with primary:
        return await primary.post("/v1/x", b"{}", "key")


def moved(stub: Stub, host: str = "127.0.0.1") -> Answer:
    return Answer(307, b"", (("location", f"http://{host}:{stub.port}/v1/x"),))


async def test_the_same_key_until_it_is_answered(stubs: Stubs) -> None:
    stub = stubs(Answer(502, b"<html>"), Answer(503, headers=(("retry-after", "0"),)), Answer(200))
    assert await post(f"http://127.0.0.1:{stub.port}") == {"id": "1"}
    assert stub.seen == [("/v1/x", "key", "Bearer secret", b"{}")] * 3


async def test_it_gives_up(stubs: Stubs, capsys: pytest.CaptureFixture[str]) -> None:
    busy = b'{"data": null, "error": {"code": "unavailable", "message": "is busy"}}'
    stub = stubs(Answer(503, busy))
    with pytest.raises(Unreachable, match=r"is busy \(503\)"):
        await post(f"http://127.0.0.1:{stub.port}")
    assert len(stub.seen) == 3
    said = f"http://127.0.0.1:{stub.port}: is busy (503): asked again in 0.01 s\n"
    assert capsys.readouterr().err == 2 * said
    with pytest.raises(Unreachable, match="cannot be reached"):
        await post("http://127.0.0.1:1")


async def test_every_call_has_a_deadline(stubs: Stubs) -> None:
    stub = stubs(Answer(200, wait=2.0))
    with pytest.raises(Unreachable, match=r"no answer within 0\.1 s"):
        await post(f"http://127.0.0.1:{stub.port}", deadline=0.1)


async def test_a_refusal_is_told_and_not_repeated(stubs: Stubs) -> None:
    no = b'{"data": null, "error": {"code": "conflict", "message": "was closed"}}'
    stub = stubs(Answer(409, no))
    with pytest.raises(Refused, match=r"was closed \(409\)"):
        await post(f"http://127.0.0.1:{stub.port}")
    assert len(stub.seen) == 1
    page = stubs(Answer(200, b"<html></html>"))
    with pytest.raises(ServiceError, match="something else than its API"):
        await post(f"http://127.0.0.1:{page.port}")


async def test_writes_follow_to_the_same_host_and_stay_there(stubs: Stubs) -> None:
    primary = stubs(Answer(200))
    replica = stubs(moved(primary))
    async with Primary(f"http://127.0.0.1:{replica.port}", "secret", waits=()) as service:
        for _ in range(2):
            assert await service.post("/v1/x", b"{}", "key") == {"id": "1"}
    assert (len(replica.seen), len(primary.seen)) == (1, 2)
    assert {token for _, _, token, _ in primary.seen} == {"Bearer secret"}


async def test_the_token_follows_to_no_other_host(stubs: Stubs) -> None:
    other = stubs(Answer(200))
    replica = stubs(moved(other, "localhost"))
    with pytest.raises(ServiceError, match="where the token may not follow: give that as --to"):
        await post(f"http://127.0.0.1:{replica.port}")
    assert not other.seen
    configured = f"http://localhost:{other.port}"
    assert await post(f"http://127.0.0.1:{replica.port}", also=configured) == {"id": "1"}


async def test_a_circle_is_left(stubs: Stubs) -> None:
    stub = stubs(Answer(200))
    stub.answers[:] = [moved(stub)]
    with pytest.raises(ServiceError, match="in a circle"):
        await post(f"http://127.0.0.1:{stub.port}")
