"""Pictures of the pages for README, taken by `make screenshots` and by no other run."""

from __future__ import annotations

from typing import Final

import pytest

from tests.browser.conftest import Open
from tests.engines import ROOT

_IDS: Final = (
    "anthropic/claude-sonnet-4-5,openai/gpt-5,google/gemini-2.5-pro,mistral/mistral-large-2411"
)
PAGES: Final = {
    "models": "/?q=gpt&supports=tools",
    "model": "/models/openrouter/deepseek/deepseek-v4-flash",
    "compare": f"/compare?ids={_IDS}&inputTokens=100000&outputTokens=2000",
    "frontier": "/frontier",
    "providers": "/providers",
}


@pytest.mark.parametrize("name", PAGES)
def test_picture(open_page: Open, name: str) -> None:
    page = open_page(viewport={"width": 1200, "height": 720})
    page.goto(PAGES[name])
    page.wait_for_load_state("networkidle")
    file = ROOT / "docs" / f"explorer-{name}.png"
    file.parent.mkdir(exist_ok=True)
    page.screenshot(path=file)
    assert file.stat().st_size < 150_000


def test_picture_at_night_on_a_phone(open_page: Open) -> None:
    page = open_page(viewport={"width": 390, "height": 800}, color_scheme="dark")
    page.goto("/models/openrouter/deepseek/deepseek-v4-flash")
    page.wait_for_load_state("networkidle")
    page.screenshot(path=ROOT / "docs" / "explorer-phone.png")
