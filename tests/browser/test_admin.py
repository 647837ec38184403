"""What an admin does, with the mouse and without it."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PROGRAM, Open, Serving

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
EVIL = "<script>document.title = 'evil'</script>"
PAGES = (
    *("", "/tables/providers", "/tables/models", "/tables/pricing", "/tables/benchmarks"),
    *("/tables/runs", "/tables/held", "/tables/changes", "/tables/tokens"),
    "/models/anthropic/claude-sonnet-4-5",
)


class Desk:
    """A service that may be written to, and a token for it."""

    def __init__(self, url: str, database: Path, token: str) -> None:
        self.url, self.database, self.token = url, database, token

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        with closing(apsw.Connection(str(self.database))) as connection:
            connection.set_busy_timeout(60_000)
            return list(connection.execute(statement))


@pytest.fixture(scope="module")
def desk(
    catalogue: Path, serving: Serving, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    with serve_desk(catalogue, serving, tmp_path_factory.mktemp("admin")) as desk:
        yield desk


@contextmanager
def serve_desk(catalogue: Path, serving: Serving, folder: Path, **settings: str) -> Iterator[Desk]:
    """A service on a copy of a database."""
    database = folder / "admin.db"
    shutil.copy(catalogue, database)
    made = subprocess.run(
        [PROGRAM, "token", "create", "--name", "ada", "--scope", "admin"],
        env={"AICOMPARE_DATABASE_URL": f"file:{database}", "PATH": "/usr/bin"},
        check=True,
        capture_output=True,
        text=True,
    )
    with serving(database, **settings) as url:
        yield Desk(url, database, made.stdout.strip())


@pytest.fixture
def open_desk(open_page: Open, desk: Desk) -> Callable[..., Page]:
    """Opens a place among the admin pages, by way of signing in."""

    def open(place: str = "/admin", **options: object) -> Page:
        page = open_page(**({"base_url": desk.url, "viewport": DESKTOP} | options))
        sign_in(page, desk, place)
        return page

    return open


def sign_in(page: Page, desk: Desk, place: str = "/admin") -> None:
    page.goto(place)
    page.get_by_label("Token").fill(desk.token)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(re.escape(place) + "$"))


def cell(page: Page, id: str, label: str) -> Locator:
    return page.locator(f'tr[data-id="{id}"]').get_by_role(
        "button", name=re.compile(rf"^{label}: .*Edit$")
    )


def field(page: Page) -> Locator:
    return page.locator("[data-edit] #value")


def await_typing(page: Page) -> None:
    """Return when the field has the focus, and all of it is selected to be typed over."""
    expect(field(page)).to_be_focused()
    page.wait_for_function(
        """() => {
            const { value, selectionStart, selectionEnd } = document.activeElement;
            return selectionStart === 0 && selectionEnd === value.length;
        }"""
    )


def test_sign_in_and_out(open_desk: Callable[..., Page], desk: Desk, problems: list[str]) -> None:
    page = open_desk("/admin/tables/models?sort=-name&mode=chat")
    expect(page.get_by_role("heading", name="Models")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Token")).to_be_focused()
    page.goto("/admin")
    expect(page).to_have_url(re.compile("/admin/sign-in$"))
    page.get_by_label("Token").fill("nonsense")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("unknown")
    problems.clear()  # the browser notes the status


def test_sort_filter_page_and_columns(open_desk: Callable[..., Page]) -> None:
    page = open_desk("/admin/tables/pricing")
    page.get_by_role("link", name="Input price", exact=True).click()
    expect(page).to_have_url(re.compile(r"\?sort=inputPrice$"))
    page.get_by_role("link", name="Input price", exact=True).click()
    expect(page).to_have_url(re.compile(r"\?sort=-inputPrice$"))
    expect(page.get_by_role("columnheader", name="Input price", exact=True)).to_have_attribute(
        "aria-sort", "descending"
    )
    page.get_by_label("Filter Input price").fill("1..2")
    page.get_by_label("Filter Service tier").fill("standard,batch")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?inputPrice=1..2&serviceTier=standard,batch&sort="))
    page.wait_for_load_state()
    total = int(page.get_by_role("status").inner_text().split()[0].replace(",", ""))
    assert total > 100
    prices = page.locator("tbody [data-cell][value=inputPrice]").all_inner_texts()
    assert len(prices) == 50
    figures = [float(price) for price in prices]
    assert figures == sorted(figures, reverse=True)
    assert all(1 <= figure <= 2 for figure in figures)
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("Rows 51 to 100")).to_be_visible()
    page.get_by_text("Columns").click()
    page.get_by_role("checkbox", name="Source url").check()
    page.get_by_role("checkbox", name="Updated at").uncheck()
    page.get_by_role("button", name="Show these").click()
    expect(page.get_by_role("columnheader", name="Source url")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Updated at")).to_have_count(0)
    shared = page.url
    page.goto("/admin")
    page.goto(shared)
    assert page.get_by_label("Filter Input price").input_value() == "1..2"


def test_a_bad_filter_is_told_beside_it(
    open_desk: Callable[..., Page], problems: list[str]
) -> None:
    page = open_desk("/admin/tables/pricing")
    page.get_by_label("Filter Input price").fill("cheap")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("inputPrice must be a number")
    expect(page.get_by_label("Filter Input price")).to_have_attribute("aria-invalid", "true")
    problems.clear()  # the browser notes the status


def test_export_is_what_the_filters_leave(open_desk: Callable[..., Page], desk: Desk) -> None:
    page = open_desk(
        "/admin/tables/models?providerId==anthropic&columns=name,contextWindow&sort=-name"
    )
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    with open(download.value.path(), newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    sql = """SELECT id FROM models WHERE provider_id = 'anthropic' AND deleted_at IS NULL
        ORDER BY name DESC, id"""
    assert rows[0] == ["id", "name", "contextWindow"]
    assert [row[0] for row in rows[1:]] == [id for (id,) in desk.sql(sql)]


def test_edit_by_keyboard_alone(open_desk: Callable[..., Page], desk: Desk) -> None:
    page = open_desk("/admin/tables/pricing?modelId==openai/gpt-4o&serviceTier=standard")
    id = page.locator("tbody tr").first.get_attribute("data-id")
    assert id
    cell(page, id, "Input price").focus()
    page.keyboard.press("Enter")
    await_typing(page)
    page.keyboard.type("cheap")
    page.keyboard.press("Enter")
    expect(page.locator("[data-edit] .problem").first).to_contain_text("inputPrice")
    expect(field(page)).to_have_value("cheap")
    await_typing(page)
    page.keyboard.type("0.123456789")
    page.keyboard.press("Enter")
    expect(cell(page, id, "Input price")).to_be_focused()
    expect(cell(page, id, "Input price")).to_have_text("0.123456789")
    sql = f"SELECT input_price_per_million FROM pricing WHERE id = {id}"
    assert desk.sql(sql) == [(123_456_789,)]
    page.keyboard.press("ArrowRight")
    expect(cell(page, id, "Output price")).to_be_focused()
    page.keyboard.press("Enter")
    await_typing(page)
    page.keyboard.type("1")
    page.keyboard.press("Escape")
    expect(cell(page, id, "Output price")).to_be_focused()
    assert len(desk.sql("SELECT * FROM locks")) == 1
    unlock = page.get_by_role("button", name="Unlock Input price")
    cell(page, id, "Input price").focus()
    page.keyboard.press("Tab")
    expect(unlock).to_be_focused()
    page.keyboard.press("Enter")
    expect(unlock).to_have_count(0)
    assert desk.sql("SELECT * FROM locks") == []


def test_unknown_and_free(open_desk: Callable[..., Page]) -> None:
    page = open_desk("/admin/tables/pricing?modelId==openai/gpt-4&serviceTier=standard")
    id = page.locator("tbody tr").first.get_attribute("data-id") or ""
    cell(page, id, "Cached input price").click()
    expect(page.get_by_text("empty is unknown, 0 is free")).to_be_visible()
    field(page).fill("0")
    page.keyboard.press("Enter")
    expect(cell(page, id, "Cached input price")).to_have_text("0 (free)")
    cell(page, id, "Cached input price").click()
    field(page).fill("")
    page.keyboard.press("Enter")
    expect(cell(page, id, "Cached input price")).to_have_text("unknown")


def test_a_conflict(open_desk: Callable[..., Page]) -> None:
    place = "/admin/tables/models?id==anthropic/claude-opus-4-1"
    mine, theirs = open_desk(place), open_desk(place)
    id = "anthropic/claude-opus-4-1"
    cell(mine, id, "Context window").click()
    cell(theirs, id, "Context window").click()
    field(theirs).fill("123456")
    theirs.keyboard.press("Enter")
    expect(cell(theirs, id, "Context window")).to_have_text("123,456")
    field(mine).fill("654321")
    mine.keyboard.press("Enter")
    alert = mine.locator("[data-edit]").get_by_role("alert").first
    expect(alert).to_contain_text("ada changed it meanwhile")
    expect(alert).to_contain_text("123456")
    expect(alert).to_contain_text("654321")
    mine.get_by_role("button", name="Set mine").click()
    expect(cell(mine, id, "Context window")).to_have_text("654,321")

    cell(theirs, id, "Context window").click()
    field(theirs).fill("1")
    mine.reload()
    cell(mine, id, "Context window").click()
    field(mine).fill("2")
    mine.keyboard.press("Enter")
    expect(cell(mine, id, "Context window")).to_have_text("2")
    theirs.keyboard.press("Enter")
    theirs.get_by_role("button", name="Keep theirs").click()
    expect(cell(theirs, id, "Context window")).to_have_text("2")


def test_undo_out_of_the_log(open_desk: Callable[..., Page], desk: Desk) -> None:
    page = open_desk("/admin/tables/providers?id==anthropic")
    cell(page, "anthropic", "Name").click()
    field(page).fill(EVIL)
    page.keyboard.press("Enter")
    expect(cell(page, "anthropic", "Name")).to_have_text(EVIL)
    page.get_by_role("link", name="Log").click()
    row = page.locator("tbody tr").first
    expect(row).to_contain_text(EVIL)
    assert page.title() == "Changes · AICompare admin"
    row.get_by_role("button", name="Undo").click()
    expect(row.get_by_role("alert")).to_contain_text("Undone")
    assert desk.sql("SELECT name FROM providers WHERE id = 'anthropic'") == [("Anthropic",)]
    row.get_by_role("button", name="Undo").click()
    expect(row.get_by_role("alert")).to_contain_text("has changed since")
    row.get_by_role("button", name="Undo anyway").click()
    expect(row.get_by_role("alert")).to_contain_text("Undone")


def test_delete_and_restore(open_desk: Callable[..., Page]) -> None:
    page = open_desk("/admin/tables/providers?id==groq")
    page.get_by_role("button", name="Delete groq").click()
    restore = page.get_by_role("button", name="Restore groq")
    expect(restore).to_be_focused()
    page.goto("/admin/tables/providers?id==groq")
    expect(page.get_by_text("No rows.")).to_be_visible()
    page.get_by_label("Deleted rows").select_option("only these")
    page.get_by_role("button", name="Filter", exact=True).click()
    restore.click()
    expect(page.get_by_role("button", name="Delete groq")).to_be_visible()


def test_an_expired_session_loses_no_edit(open_desk: Callable[..., Page], desk: Desk) -> None:
    place = "/admin/tables/providers?id==mistral"
    page = open_desk(place)
    cell(page, "mistral", "Name").click()
    field(page).fill("Mistral, edited")
    desk.sql("DELETE FROM sessions")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/admin/sign-in"))
    page.get_by_label("Token").fill(desk.token)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(re.escape(place) + "$"))
    expect(field(page)).to_have_value("Mistral, edited")
    page.keyboard.press("Enter")
    expect(cell(page, "mistral", "Name")).to_have_text("Mistral, edited")


def test_an_edit_that_does_not_arrive_stays(
    open_desk: Callable[..., Page], problems: list[str]
) -> None:
    page = open_desk("/admin/tables/providers?id==cohere")
    cell(page, "cohere", "Name").click()
    field(page).fill("Co")
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    expect(page.locator(".failed")).to_contain_text("try again")
    page.context.set_offline(False)
    expect(field(page)).to_have_value("Co")
    field(page).press("Enter")
    expect(cell(page, "cohere", "Name")).to_have_text("Co")
    problems.clear()  # the browser notes the lost connection


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible(
    open_desk: Callable[..., Page], check_accessible: Callable[[Page], None], scheme: str
) -> None:
    page = open_desk(color_scheme=scheme)
    for place in PAGES:
        page.goto(f"/admin{place}")
        check_accessible(page)
    page.goto("/admin/tables/pricing?columns=inputPrice,state")
    page.locator("[data-cell]").first.click()
    field(page).fill("cheap")
    page.keyboard.press("Enter")
    expect(page.locator("[data-edit] .problem").first).to_be_visible()
    page.locator("details.columns summary").click()
    check_accessible(page)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Token")).to_be_visible()
    check_accessible(page)


def test_readable_on_a_phone(open_desk: Callable[..., Page]) -> None:
    page = open_desk(viewport=PHONE)
    for place in PAGES:
        page.goto(f"/admin{place}")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["width"], f"{place} is {wide} wide: only tables may scroll"


def test_a_long_name_breaks_and_an_id_does_not(
    open_desk: Callable[..., Page], open_page: Open, desk: Desk
) -> None:
    id = "anthropic/claude-opus-4-1"
    desk.sql(f"UPDATE models SET name = '{'W' * 300}' WHERE id = '{id}'")
    page = open_page(base_url=desk.url, viewport=DESKTOP)
    page.goto(f"/compare?ids={id},openai/gpt-4o")
    head = page.get_by_role("columnheader", name="W" * 300)
    beyond = "head => head.closest('.scroll').scrollWidth - head.closest('.scroll').clientWidth"
    assert head.evaluate(beyond) == 0
    phone = open_desk(f"/admin/models/{id}", viewport=PHONE)
    name = phone.get_by_role("rowheader", name=id).first
    assert (name.bounding_box() or {})["width"] > 90
