"""Bad batches: everything that is wrong is told at once, by table, index and field."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from service.domain.benchmarks import ScoreRow
from service.domain.edits import EDITS
from service.domain.models import ModelRow
from service.domain.pricing import PriceRow
from service.domain.providers import ProviderRow
from service.domain.runs import NewRun, RunEnd
from service.domain.wanted import wanted
from tests.engines import Engine
from tests.pipeline.conftest import CATALOG, MODEL, Clock, Writer, price, writer_of

pytestmark = pytest.mark.anyio


async def refused(api: Writer, body: Any, status: int = 400) -> Any:
    answer = await api.send("POST", "pipeline/ingest", body, status=status, token="pipeline")
    return answer["error"]


def places(error: Any) -> list[tuple[str, int, str | None]]:
    return [(one["table"], one["index"], one["field"]) for one in error["details"]["faults"]]


async def test_all_faults_at_once(api: Writer) -> None:
    error = await refused(
        api,
        {
            "providers": [
                {"id": "acme", "name": "A"},
                {"id": "a/b", "name": ""},
                7,
                {"id": "acme"},
            ],
            "models": [MODEL, MODEL, MODEL | {"modelId": "x", "releaseDate": "2025-02-30"}],
            "pricing": [
                price(inputPrice=-1, outputPrice="x", surprise=1),
                {"modelId": "acme/one"},
                price("2026-01-02", inputPrice=1.0000000001),
                price("2026-01-03", state="free", inputPrice=1),
            ],
            "benchmarks": [
                {"modelId": "acme/one", "benchmarkName": "b", "score": 1, "scoreLow": 2},
                {"modelId": "acme/one", "benchmarkName": "c", "score": None},
            ],
        },
    )
    assert places(error) == [
        ("providers", 1, "id"),
        ("providers", 1, "name"),
        ("providers", 2, None),
        ("providers", 3, "name"),
        ("models", 2, "releaseDate"),
        ("models", 1, None),
        ("pricing", 0, "outputPrice"),
        ("pricing", 0, "surprise"),
        ("pricing", 1, None),
        ("pricing", 2, "inputPrice"),
        ("pricing", 3, "state"),
        ("benchmarks", 1, "score"),
        ("benchmarks", 0, "scoreLow"),
    ]
    messages = {
        (o["table"], o["index"], o["field"]): o["message"] for o in error["details"]["faults"]
    }
    assert "2025-02-30" in messages["models", 2, "releaseDate"]
    assert messages["models", 1, None] == "is the same row as models[0]: send it once"
    assert messages["pricing", 1, None] == "give either effectiveDate or observedOn"
    assert "more than 9 digits" in messages["pricing", 2, "inputPrice"]
    assert error["message"].startswith("the batch has 13 faults, the first of them: providers[1]")
    assert await api.get("providers") == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"providerId": "A B"},
            "must be a provider's id like `anthropic`: letters, digits and `.`, `_`, `-`,"
            " not 'A B'",
        ),
        ({"name": ""}, "must be text of 1 to 300 characters, not ''"),
        ({"name": None}, "must be text of 1 to 300 characters, not null"),
        ({"name": "x" * 301}, f"must be text of 1 to 300 characters, not '{'x' * 57}...'"),
        (
            {"mode": "chatty"},
            "must be one of chat, completion, embedding, image, moderation, ocr, other, rerank,"
            " speech, transcription, video, not 'chatty'; did you mean chat?",
        ),
        (
            {"contextWindow": "5"},
            "must be a whole number from 1 to 1000000000000, or null, not '5'",
        ),
        (
            {"inputModalities": ["text", "smell"]},
            "must be a list, each value one of audio, image, pdf, text, video,"
            ' not ["text", "smell"]',
        ),
        ({"supportsVision": 1}, "must be true or false, or null, not 1"),
        (
            {"releaseDate": "2025-02-30"},
            "must be a day of the calendar like 2026-01-31, or null, not '2025-02-30'",
        ),
        (
            {"knowledgeCutoff": "2025"},
            "must be a month or day of the calendar like 2026-01 or 2026-01-31, or null,"
            " not '2025'",
        ),
        (
            {"sourceUrl": "ftp://x"},
            "must be a URL that begins with https:// or http:// and holds no space,"
            " 2000 characters at most, or null, not 'ftp://x'",
        ),
        ({"contxtWindow": 1}, "unknown field 'contxtWindow': did you mean contextWindow?"),
    ],
)
async def test_a_message_says_what_would_be_right(api: Writer, row: Any, message: str) -> None:
    error = await refused(api, {"models": [MODEL | row]})
    [fault] = error["details"]["faults"]
    assert (fault["field"], fault["message"]) == (next(iter(row)), message)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"inputPrice": "abc"}, "must be a decimal number like 2.5, below 1000000000 and with up"),
        *(
            (
                {"inputPrice": text},
                "must be a decimal number like 2.5, below 1000000000 and with up",
            )
            for text in ("NaN", "1_000", "1e3", " 1 ", "+1", "\uff11", ".5", "1.", "")
        ),
        ({"inputPrice": "0." + "3" * 99}, f"0.{'3' * 35}... has more than 9 digits after the"),
        ({"state": "cheap"}, "must be one of free, paid, subscription, unknown, not 'cheap'"),
        (
            {"verifiedAt": "2026-01-01T00:00:00"},
            "must be a moment with its zone like 2026-01-31T12:00:00Z, or null, not '2026-",
        ),
    ],
)
async def test_a_message_about_a_price(api: Writer, row: Any, message: str) -> None:
    [fault] = (await refused(api, {"pricing": [price(**row)]}))["details"]["faults"]
    assert fault["field"] == next(iter(row))
    assert fault["message"].startswith(message)


@pytest.mark.parametrize("id", ["a/../b", "a/.", "a/...", "a//b", "../b", "a/"])
async def test_an_id_that_loses_a_part_as_a_path(api: Writer, id: str) -> None:
    for table in ("models", "pricing"):
        row = MODEL | {"modelId": id} if table == "models" else price() | {"modelId": f"acme/{id}"}
        assert places(await refused(api, {table: [row]})) == [(table, 0, "modelId")]
    await api.ingest(CATALOG | {"models": [MODEL | {"modelId": "a/.b/c..d"}]})
    assert (await api.get("models/acme/a/.b/c..d"))["id"] == "acme/a/.b/c..d"


async def test_prices_as_text_are_plain_decimals_however_they_are_spelled(api: Writer) -> None:
    body = b'{"pricing":[{"modelId":"acme/one","effectiveDate":"2026-01-01",%b}]}'
    sent = [
        b'"inputPrice" :\t"1_0"',
        b'"inputPrice": "2.5", "outputPrice": "1e1"',
        b'"input\\u0050rice":"1_0"',
    ]
    for one in sent:
        [fault] = (await refused(api, body % one))["details"]["faults"]
        assert fault["message"].startswith("must be a decimal number like 2.5")
    score = {"modelId": "acme/one", "benchmarkName": "b", "score": "1_0"}
    [fault] = (await refused(api, {"benchmarks": [score]}))["details"]["faults"]
    assert fault["field"] == "score"
    done = await api.ingest(CATALOG | {"pricing": [price(inputPrice="02.50")]})
    assert done["pricing"]["created"] == 1
    assert (await api.get("models/acme/one"))["pricing"]["inputPrice"] == 2.5
    [row] = await api.get("pricing?model=acme/one")
    path = f"pricing/{row['id']}"
    error = await api.send("PATCH", path, {"inputPrice": "1_0"}, status=400, token="admin")
    assert error["error"]["message"].startswith("inputPrice: must be a decimal number like 2.5")
    await api.send("PATCH", path, {"inputPrice": "3"}, token="admin")


def test_every_member_that_is_sent_has_words() -> None:
    rows = (ProviderRow, ModelRow, PriceRow, ScoreRow, NewRun, RunEnd)
    for kind in (*rows, *(kind for pair in EDITS.values() for kind in pair)):
        for field in msgspec.structs.fields(kind):
            assert wanted(field.type), (kind, field.name)


async def test_a_hundred_are_listed_and_the_rest_counted(api: Writer) -> None:
    error = await refused(api, {"pricing": [price(inputPrice=-1 - i) for i in range(150)]})
    assert len(error["details"]["faults"]) == 100
    assert error["details"]["total"] == 150 + 149


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "1e999999999999", "1e99999999999999999999", "9" * 400, "1e-400"]
)
async def test_numbers_that_are_none(api: Writer, number: str) -> None:
    body = b'{"pricing":[{"modelId":"acme/one","effectiveDate":"2026-01-01","inputPrice":%b}]}'
    error = await refused(api, body % number.encode())
    assert places(error) == [("pricing", 0, "inputPrice")]
    body = b'{"models":[{"providerId":"a","modelId":"b","name":"c","contextWindow":%b}]}'
    error = await refused(api, body % number.encode())
    assert places(error) == [("models", 0, "contextWindow")]


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
async def test_words_for_numbers(api: Writer, word: str) -> None:
    error = await refused(api, b'{"pricing":[{"inputPrice":%b}]}' % word.encode())
    assert error["message"].startswith(f"pricing[0].inputPrice is {word}")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is not a batch"),
        (b"{", "the body is not JSON"),
        (b"\xff", "the body is not UTF-8"),
        (b'{"providers":[{"id":"a","name":"\xff"}]}', "not UTF-8: see its byte 32"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'{"prices":[]}', "unknown table 'prices'"),
        (b'{"models":{}}', "models must be a list"),
        (b"[" * 100_000, "must be a JSON object"),
        (b'{"models":' + b"[" * 100_000, "nests too deep"),
        (b'{"models":[{"name":' + b"[" * 5_000 + b"]" * 5_000 + b"}]}", "nests too deep"),
    ],
)
async def test_bodies_that_are_no_batch(api: Writer, body: bytes, message: str) -> None:
    assert message in (await refused(api, body))["message"]


@pytest.fixture
async def narrow(database: Engine, clock: Clock) -> AsyncIterator[Writer]:
    async with writer_of(database, clock, max_body_bytes=2048) as api:
        yield api


async def test_a_body_over_the_limit_is_not_read(narrow: Writer) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(1000):
            read += 1
            yield b" " * 1024

    url = "/v1/pipeline/ingest"
    headers = {"authorization": f"Bearer {narrow.pipeline}"}
    response = await narrow.client.post(url, content=body(), headers=headers)
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "payload_too_large"
    assert "2048 bytes" in response.json()["error"]["message"]
    declared = headers | {"content-length": "999999"}
    response = await narrow.client.post(url, content=b"{}", headers=declared)
    assert response.status_code == 413
    assert (await narrow.client.post(url, content=body())).status_code == 401


async def test_other_media(api: Writer) -> None:
    for header in ({"content_type": "text/plain"}, {"content_encoding": "gzip"}):
        response = await api.raw("POST", "pipeline/ingest", b"{}", **header)
        assert response.status_code == 400


async def test_text_that_cannot_be_stored(api: Writer) -> None:
    body = {"providers": [{"id": "a", "name": "x\0y"}]}
    assert places(await refused(api, body)) == [("providers", 0, "name")]


async def test_unknown_parents(api: Writer) -> None:
    error = await refused(
        api,
        {
            "models": [MODEL],
            "pricing": [price(), price() | {"modelId": "x/y"}],
            "benchmarks": [{"modelId": "x/y", "benchmarkName": "b", "score": 1}],
        },
        409,
    )
    assert places(error) == [
        ("models", 0, "providerId"),
        ("pricing", 1, "modelId"),
        ("benchmarks", 0, "modelId"),
    ]
    assert await api.ingest(CATALOG)
