"""OpenRouter's answer: exact prices out of text, and what has no price of its own."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

import pytest
from msgspec import UNSET

from service.domain.models import ModelRow
from service.domain.providers import ProviderRow
from service.sources import openrouter
from service.sources.catalog import Catalogue
from service.sources.documents import Unreadable

DAY = datetime.date(2026, 11, 22)


def model(model_id: str, pricing: dict[str, str], **members: Any) -> dict[str, Any]:
    return {"id": model_id, "name": f"Maker: {model_id}", "pricing": pricing, **members}


ANSWER = {
    "data": [
        model(
            "anthropic/claude-sonnet-4.5",
            {
                "prompt": "0.000003",
                "completion": "0.000015",
                "request": "0",
                "image": "0.0048",
                "input_cache_read": "0.0000003",
                "input_cache_write": "0.00000375",
                "internal_reasoning": "0.00000015",
            },
            created=1759161676,
            context_length=1000000,
            architecture={"input_modalities": ["text", "file"], "output_modalities": ["text"]},
            top_provider={"context_length": 1000000, "max_completion_tokens": 64000},
            supported_parameters=["tools", "reasoning"],
            description="ignored",
        ),
        model("openrouter/auto", {"prompt": "-1", "completion": "-1"}, context_length=2000000),
        model("acme/gift:free", {"prompt": "0", "completion": "0"}, top_provider=None),
        model("acme/image", {"prompt": "0", "completion": "0", "image": "0.04"}),
        model("acme/odd", {"prompt": "a lot", "completion": "0.000001"}),
        model("acme/odd", {"prompt": "0.000002", "completion": "0.000001"}),
        model("acme/with space", {"prompt": "0.000002"}),
    ]
}


@pytest.fixture(scope="module")
def found() -> Catalogue:
    known = Catalogue(name="known", as_of=DAY)
    known.add(ProviderRow(id="openrouter", name="OpenRouter"))
    known.add(
        ModelRow(
            provider_id="openrouter",
            model_id="anthropic/claude-sonnet-4.5",
            name="Claude Sonnet 4.5",
            release_date=datetime.date(2025, 9, 29),
        )
    )
    return openrouter.read(json.dumps(ANSWER).encode(), known, DAY)


def test_a_model(found: Catalogue) -> None:
    sonnet = found.models["openrouter/anthropic/claude-sonnet-4.5"]
    assert sonnet.name == "Claude Sonnet 4.5", "the known name, not the one with the maker"
    assert sonnet.release_date == datetime.date(2025, 9, 29), "not the day it came to OpenRouter"
    assert (sonnet.context_window, sonnet.max_output) == (1000000, 64000)
    assert sonnet.input_modalities == ("text", "pdf")
    assert (sonnet.supports_tools, sonnet.supports_reasoning) == (True, True)
    assert (sonnet.supports_structured_output, sonnet.supports_vision) == (False, False)
    assert found.models["openrouter/acme/gift:free"].name == "acme/gift:free"
    assert not found.providers


def test_prices(found: Catalogue) -> None:
    rows = {row.model_id: row for row in found.pricing}
    sonnet = rows["openrouter/anthropic/claude-sonnet-4.5"]
    assert (sonnet.input_price, sonnet.output_price) == (Decimal(3), Decimal(15))
    assert (sonnet.cached_input_price, sonnet.cache_write_price, sonnet.reasoning_price) == (
        Decimal("0.3"),
        Decimal("3.75"),
        Decimal("0.15"),
    )
    assert (sonnet.observed_on, sonnet.state) == (DAY, "paid")
    assert rows["openrouter/acme/gift:free"].state == "free"
    odd = rows["openrouter/acme/odd"]
    assert (odd.input_price, odd.output_price) == (UNSET, Decimal(1))
    assert len(rows) == 3


def test_what_is_left_out_is_named(found: Catalogue) -> None:
    assert [(r.what, r.why) for r in found.rejected] == [
        ("openrouter/openrouter/auto", "a price that depends on where a request goes"),
        ("openrouter/acme/image", "a price of 0 that is not known to mean free"),
        ("openrouter/acme/odd: prompt", "'a lot' is not a price"),
        ("acme/odd", "another entry for the same model came first"),
        ("openrouter/acme/with space", "modelId holds characters that it may not have"),
        ("image", "a figure without a column"),
    ]
    assert found.rejected[-1].rows == 2


def test_another_shape_is_told_by_its_place(found: Catalogue) -> None:
    with pytest.raises(Unreadable, match=r"missing required field `pricing` - at `\$\.data\[0\]`"):
        openrouter.read(b'{"data": [{"id": "a/b", "name": "B"}]}', found, DAY)
