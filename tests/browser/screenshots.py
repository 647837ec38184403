"""Pictures of the pages for README, taken by `make screenshots` and by no other run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.test_admin import cell, desk, field, open_desk
from tests.engines import ROOT

__all__ = ["desk", "open_desk"]  # fixtures

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


def picture(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=ROOT / "docs" / f"admin-{name}.png")


def test_pictures_of_the_admin_pages(open_desk: Callable[..., Page]) -> None:
    size = {"width": 1200, "height": 720}
    page = open_desk("/admin/tables/pricing?modelId=gpt-4o&sort=-inputPrice", viewport=size)
    id = page.locator("tbody tr").first.get_attribute("data-id") or ""
    cell(page, id, "Output price").click()
    field(page).fill("12.5")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Unlock Output price")).to_be_visible()
    cell(page, id, "Input price").click()
    expect(field(page)).to_be_focused()
    picture(page, "table")
    page.goto("/admin/models/openrouter/deepseek/deepseek-v4-flash")
    picture(page, "model")
    page.goto("/admin")
    picture(page, "overview")
    phone = open_desk("/admin", viewport={"width": 390, "height": 800}, color_scheme="dark")
    picture(phone, "phone")
