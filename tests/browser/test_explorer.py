"""What a visitor does in the explorer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open


def test_search_without_javascript(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/")
    page.get_by_label("Search").fill("sonnet 4.5")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("rowheader", name="anthropic/claude-sonnet-4-5").first).to_be_visible()
    assert page.url.endswith("?q=sonnet+4.5")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible(open_page: Open, check_accessible: Callable[[Page], None], scheme: str) -> None:
    page = open_page(color_scheme=scheme)
    page.goto("/")
    check_accessible(page)


def test_a_bad_question(page: Page, problems: list[str]) -> None:
    response = page.goto("/?minContext=many")
    assert response is not None
    assert response.status == 400
    expect(page.get_by_role("alert")).to_contain_text("minContext must be a whole number")
    problems.clear()  # the browser notes the status
