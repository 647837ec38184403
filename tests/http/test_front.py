"""Kept answers over HTTP: the same as loaded ones, gone when what they say has changed."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import apsw
import brotli
import httpx
import pytest
import zstandard

from service.http.edge import CORS, POLICY, SECURITY, Edge
from tests.http.client import make_app, make_catalogue, running, watching

pytestmark = pytest.mark.anyio

MODEL = "/v1/models/anthropic/claude-sonnet-4-5"
OTHER = "/v1/models/google/gemini-2.5-pro"
LIST = "/v1/models?deprecated=any"
PLAIN = {"accept-encoding": "identity"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("front") / "made.db"
    make_catalogue(path)
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "copy.db"
    with closing(apsw.Connection(str(made))) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    return copy


@pytest.fixture
async def client(path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with running(make_app(f"file:{path}", watch_interval=0.05)) as client:
        await watching(client)
        yield client


async def state(client: httpx.AsyncClient, url: str, **headers: str) -> str:
    response = await client.get(url, headers=PLAIN | headers)
    assert response.status_code == 200, response.text
    return response.headers["x-cache"]


def write(path: Path, sql: str) -> None:
    with closing(apsw.Connection(str(path))) as connection:
        connection.set_busy_timeout(60_000)
        connection.execute(sql)


async def seen(client: httpx.AsyncClient, url: str, text: str) -> float:
    """Seconds until an answer holds the text."""
    begin = time.monotonic()
    while text not in (await client.get(url)).text:
        assert time.monotonic() - begin < 60, f"{url} never said {text}"
        await asyncio.sleep(0.01)
    return time.monotonic() - begin


@pytest.mark.parametrize("encoding", ["identity", "gzip", "br", "zstd"])
@pytest.mark.parametrize("url", [MODEL, LIST, "/v1/search?q=claude"])
async def test_a_hit_is_the_same_as_a_miss(
    client: httpx.AsyncClient, url: str, encoding: str
) -> None:
    miss, hit = [await client.get(url, headers={"accept-encoding": encoding}) for _ in "ab"]
    assert (miss.headers["x-cache"], hit.headers["x-cache"]) == ("miss", "hit")
    assert hit.content == miss.content
    own = {"x-cache", "x-request-id", "server-timing"}
    assert {k: v for k, v in hit.headers.items() if k not in own} == {
        k: v for k, v in miss.headers.items() if k not in own
    }
    assert own <= set(hit.headers)
    assert own <= set(miss.headers)


async def test_a_hit_is_told_of_as_a_miss_is(client: httpx.AsyncClient) -> None:
    """Headers for browsers and for security, the client's own request id, and figures."""
    asked = PLAIN | {"origin": "https://a.example", "x-request-id": "mine"}
    for expected in ("miss", "hit"):
        response = await client.get(MODEL, headers=asked)
        assert response.headers["x-cache"] == expected
        assert response.headers["x-request-id"] == "mine"
        for name, value in (*SECURITY, POLICY, *CORS):
            assert response.headers[name.decode()] == value.decode()
        hostile = await client.get(MODEL, headers=PLAIN | {"x-request-id": "no\tgood"})
        assert hostile.headers["x-request-id"] not in ("no\tgood", "")
    text = (await client.get("/metrics")).text
    assert 'aicompare_requests_total{route="getModel",status="200"} 4' in text
    assert 'aicompare_request_seconds_count{route="getModel"} 4' in text


async def test_each_encoding_is_of_the_same_answer_and_has_a_tag_of_its_own(
    client: httpx.AsyncClient,
) -> None:
    decoders = {
        "identity": bytes,
        "gzip": gzip.decompress,
        "br": brotli.decompress,
        "zstd": zstandard.ZstdDecompressor().decompress,
    }
    bodies, tags = set(), set()
    for encoding, decode in decoders.items():
        async with client.stream("GET", LIST, headers={"accept-encoding": encoding}) as response:
            raw = b"".join([piece async for piece in response.aiter_raw()])
        assert response.headers.get("content-encoding", "identity") == encoding
        assert len(raw) == int(response.headers["content-length"])
        bodies.add(decode(raw))
        tags.add(response.headers["etag"])
    assert len(bodies) == 1
    assert len(tags) == len(decoders)


async def test_another_spelling_is_the_same_entry(client: httpx.AsyncClient) -> None:
    assert await state(client, "/v1/models?provider=google,anthropic&pageSize=5") == "miss"
    assert await state(client, "/v1/models?pageSize=5&provider=anthropic%2Cgoogle") == "hit"
    assert await state(client, "/v1/models?pageSize=05&provider=anthropic,google,google") == "hit"
    assert await state(client, "/v1/models?pageSize=6&provider=google,anthropic") == "miss"


async def test_long_spellings_are_not_remembered(client: httpx.AsyncClient) -> None:
    """Else a client fills memory with what it makes up: twenty thousand of them are kept."""
    front = cast("Any", client._transport).app._front
    assert await state(client, MODEL) == "miss"
    kept = len(front._spellings)
    junk = "x" * 1024
    for url, headers in (
        (MODEL, {"accept-encoding": junk}),
        (MODEL.replace("/anthropic", "/" * 1024 + "anthropic"), {}),
        (f"{MODEL}?fields={','.join(['id'] * 400)}", {}),
    ):
        response = await client.get(url, headers=PLAIN | headers)
        assert response.status_code == 200, response.text
        assert len(front._spellings) == kept, url[:100]


@pytest.mark.parametrize("url", [MODEL, LIST])
async def test_a_304_comes_from_what_is_kept(client: httpx.AsyncClient, url: str) -> None:
    tag = (await client.get(url, headers=PLAIN)).headers["etag"]
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        response = await client.get(url, headers=PLAIN | {"if-none-match": known})
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["x-cache"] == "hit"
        assert response.headers["etag"] == tag
        assert not {"content-length", "content-type"} & set(response.headers)
    assert await state(client, url, **{"if-none-match": '"other"'}) == "hit"


async def test_head_is_a_get_without_its_body(client: httpx.AsyncClient) -> None:
    got = await client.get(MODEL, headers=PLAIN)
    head = await client.head(MODEL, headers=PLAIN)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == got.headers["etag"]
    assert head.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize("secret", ["authorization", "cookie"])
async def test_a_request_with_credentials_comes_nowhere_near_the_cache(
    client: httpx.AsyncClient, secret: str
) -> None:
    for _ in "ab":
        response = await client.get(MODEL, headers={secret: "x"})
        assert response.status_code == 200
        assert "x-cache" not in response.headers
        assert response.headers["cache-control"] == "no-store"
    assert await state(client, MODEL) == "miss"


async def test_errors_are_not_kept(client: httpx.AsyncClient, path: Path) -> None:
    missing = "/v1/models/anthropic/claude-9"
    assert (await client.get(missing)).status_code == 404
    write(
        path,
        "INSERT INTO models (id, provider_id, model_id, name)"
        " VALUES ('anthropic/claude-9', 'anthropic', 'claude-9', 'Claude 9')",
    )
    assert (await client.get(missing)).status_code == 200


async def test_an_edit_is_seen_within_a_second_and_others_stay_warm(
    client: httpx.AsyncClient, path: Path
) -> None:
    for url in (MODEL, OTHER, LIST, "/v1/providers/google", "/v1/providers/anthropic"):
        assert await state(client, url) == "miss"
    for turn in range(5):
        name = f"Renamed {turn}"
        write(path, f"UPDATE models SET name = '{name}' WHERE id = 'anthropic/claude-sonnet-4-5'")
        took = await seen(client, MODEL, name) + await seen(client, LIST, name)
        if took < 1:
            break
    assert took < 1, "in none of five turns: no hiccup of the machine"
    assert await state(client, OTHER) == "hit"
    assert await state(client, "/v1/providers/google") == "hit"
    assert await state(client, "/v1/providers/anthropic") == "miss"


async def test_a_price_a_score_and_a_deleted_provider_are_seen(
    client: httpx.AsyncClient, path: Path
) -> None:
    url = f"{MODEL}?include=benchmarks"
    assert await state(client, url) == "miss"
    write(path, "UPDATE pricing SET output_price_per_million = 77000000000 WHERE id = 1")
    await seen(client, url, '"outputPrice":77,')
    write(path, "UPDATE benchmarks SET score = 1500500000000 WHERE id = 1")
    await seen(client, url, "1500.5")
    write(path, "UPDATE providers SET deleted_at = updated_at WHERE id = 'anthropic'")
    await seen(client, url, "not_found")


async def test_another_database_in_its_place_is_noticed(
    client: httpx.AsyncClient, path: Path
) -> None:
    assert await state(client, MODEL) == "miss"
    assert await state(client, MODEL) == "hit"
    # As after a restore: revisions begin again.
    write(path, "DELETE FROM changes WHERE revision > 3; DELETE FROM sqlite_sequence")
    async with asyncio.timeout(60):
        while (found := await state(client, MODEL)) == "hit":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert found == "miss"


async def test_while_the_database_is_away_what_is_kept_is_served(path: Path) -> None:
    settings = {"watch_interval": 0.05, "cache_list_seconds": 0.3}
    async with running(make_app(f"file:{path}", **settings)) as client:
        await watching(client)
        assert await state(client, LIST) == "miss"
        assert await state(client, MODEL) == "miss"
        # A file is not away; what is asked of it can be.
        write(path, "ALTER TABLE models RENAME TO elsewhere")
        await asyncio.sleep(0.4)
        assert await state(client, LIST) == "stale"
        assert await state(client, MODEL) == "hit"
        assert (await client.get("/v1/models?page=2")).status_code == 503
        write(path, "ALTER TABLE elsewhere RENAME TO models")
        assert await state(client, "/v1/models?page=2") == "miss"


async def test_a_hostile_client_cannot_grow_it(path: Path) -> None:
    async with running(make_app(f"file:{path}", cache_entries=50)) as client:
        await watching(client)
        for _ in "abc":
            await client.get(MODEL, headers=PLAIN)
        for page in range(300):
            response = await client.get(f"/v1/models?page={page + 1}", headers=PLAIN)
            assert response.status_code == 200
            junk = await client.get(f"/v1/models?junk{page}=1", headers=PLAIN)
            assert junk.status_code == 400
        assert await state(client, MODEL) == "hit", "what is hot stays"
        metrics = (await client.get("/metrics")).text
    figures = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if line[0] != "#")
    assert int(figures["aicompare_cache_entries"]) <= 50
    assert int(figures['aicompare_cache_answers_total{state="miss"}']) >= 300
    assert int(figures['aicompare_cache_answers_total{state="hit"}']) >= 3
    assert int(figures["aicompare_cache_evictions_total"]) >= 250


async def test_an_answer_says_what_it_depends_on(client: httpx.AsyncClient) -> None:
    one = (await client.get(MODEL)).headers["cache-tag"]
    assert one == "model:anthropic/claude-sonnet-4-5,provider:anthropic"
    assert "models" in (await client.get(LIST)).headers["cache-tag"].split(",")
    body = json.loads((await client.get("/v1/compare?ids=google/gemini-2.5-pro")).text)
    assert body["data"]["models"][0]["id"] == "google/gemini-2.5-pro"


async def test_ways_to_ask_are_forgotten_with_their_answers(path: Path) -> None:
    """Each holds on to the bytes of its answer, which would get around the cache's bounds."""
    app = make_app(f"file:{path}", cache_entries=10)
    async with running(app) as client:
        for size in range(1, 101):
            for encoding in ("identity", "gzip"):
                headers = {"accept-encoding": encoding}
                answer = await client.get(f"/v1/models?pageSize={size}", headers=headers)
                assert answer.status_code == 200
        assert isinstance(app, Edge)
        spellings = app._front._spellings
        assert {entry.key is not None for entry, _ in spellings.values()} == {True}
        assert 10 <= len(spellings) <= 2 * 10
        assert await state(client, "/v1/models?pageSize=100") == "hit"
