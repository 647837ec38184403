"""The reference at `/docs`, as a developer reads it and tries it out."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.engines import HTTP

METHODS = {"get", "put", "post", "delete", "patch"}


@pytest.fixture(scope="module")
def operations(site: str) -> dict[tuple[str, str], Any]:
    """All that is described, by method and path."""
    paths = HTTP.get(f"{site}/openapi.json").json()["paths"]
    return {
        (method.upper(), path): item[method]
        for path, item in paths.items()
        for method in METHODS & item.keys()
    }


@pytest.fixture
def docs(page: Page) -> Page:
    """The page, drawn; its fixture fails on errors in the console and requests elsewhere."""
    page.goto("/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    return page


def test_every_operation_is_shown(docs: Page, operations: dict[tuple[str, str], Any]) -> None:
    shown = docs.locator(".opblock").evaluate_all(
        """blocks => blocks.map(block => [
            block.querySelector(".opblock-summary-method").textContent,
            block.querySelector(".opblock-summary-path").dataset.path,
        ])"""
    )
    assert len(shown) == len(operations) > 40
    assert {(method, path) for method, path in shown} == operations.keys()
    assert docs.locator(".errors-wrapper").count() == 0


def test_every_operation_has_examples(operations: dict[tuple[str, str], Any]) -> None:
    for name, operation in operations.items():
        parts = [body for code, body in operation["responses"].items() if code < "300"]
        parts += [operation["requestBody"]] if "requestBody" in operation else []
        assert parts, name
        for part in parts:
            assert all(one.get("example") for one in part["content"].values()), name


def test_an_operation_is_tried_out(docs: Page) -> None:
    block = docs.locator("#operations-models-search")
    block.locator(".opblock-summary-control").click()
    expect(block.locator(".responses-table .example").first).to_contain_text(
        "anthropic/claude-sonnet-4-5"
    )
    block.get_by_placeholder("q", exact=True).fill("sonnet 4.5")
    block.get_by_role("button", name="Execute").click()
    answer = block.locator(".live-responses-table .response").first
    expect(answer.locator(".response-col_status")).to_contain_text("200")
    expect(answer).to_contain_text("Claude Sonnet 4.5")
