"""What a visitor does in the explorer."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from playwright.sync_api import Page, Response, expect

from tests.browser.conftest import Open

PAGES = {
    "models": "/",
    "search": "/?q=sonnet+4.5&supports=tools",
    "model": "/models/nimbus/star",
    "compare": "/compare?ids=anthropic/claude-sonnet-4-5,openai/gpt-5,nimbus/star:free"
    "&inputTokens=1000&outputTokens=10",
    "choose": "/compare",
    "frontier": "/frontier",
    "providers": "/providers",
}
# Dots that are not of the chart's ground, by colour: how a canvas shows that it was drawn on.
INK = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const seen = new Map();
  for (let i = 0; i < data.length; i += 4)
    if (data[i + 3] > 200) {
      const key = [data[i], data[i + 1], data[i + 2]].join();
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
  return Object.fromEntries([...seen].filter(([, n]) => n > 20));
}"""


def go(page: Page, url: str, status: int = 200) -> Response:
    response = page.goto(url)
    assert response is not None
    assert response.status == status
    return response


def total(page: Page) -> int:
    page.wait_for_load_state()
    text = page.get_by_role("status").inner_text()
    return int(text.partition(" model")[0].replace(",", ""))


def column(page: Page, number: int) -> list[str]:
    page.wait_for_load_state()
    return page.locator(f"#results tbody tr > :nth-child({number})").all_inner_texts()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
@pytest.mark.parametrize("name", PAGES)
def test_accessible_at_any_size(
    open_page: Open, check_accessible: Callable[[Page], None], name: str, scheme: str, width: int
) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    go(page, PAGES[name])
    check_accessible(page)
    # What is wider than the window scrolls in a box of its own.
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", PAGES)
def test_the_calls_are_real(page: Page, name: str) -> None:
    go(page, PAGES[name])
    calls = [link.get_attribute("href") for link in page.locator("#calls a").all()]
    assert calls or name == "choose"
    for call in calls:
        answer = page.request.get(call or "")
        assert answer.status == 200, call
        assert answer.json()["data"], call


@pytest.mark.parametrize("name", sorted(PAGES.keys() - {"choose"}))
def test_answers_out_of_the_cache(page: Page, name: str) -> None:
    page.request.get(PAGES[name])
    response = page.request.get(PAGES[name])
    assert response.headers["x-cache"] == "hit"


def test_search_as_you_type(page: Page) -> None:
    go(page, "/")
    everything = total(page)
    page.get_by_role("searchbox").press_sequentially("sonnet 4.5", delay=20)
    expect(page).to_have_url(re.compile(r"/\?q=sonnet\+?(%20)?4\.5$"))
    expect(page.get_by_role("heading", name="Best matches")).to_be_visible()
    assert 0 < total(page) < everything
    assert all("onnet" in name for name in column(page, 2))
    first = page.locator(".matches a").first
    expect(first).to_contain_text("Claude Sonnet 4.5")
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.locator("#calls")).to_contain_text("/v1/search?q=sonnet")
    # The URL is the view: opened anew it shows the same.
    found = column(page, 2)
    page.reload()
    assert column(page, 2) == found
    expect(page.get_by_role("searchbox")).to_have_value("sonnet 4.5")
    page.go_back()
    expect(page.get_by_role("searchbox")).not_to_have_value("sonnet 4.5")


def test_what_is_wrong_is_said_where_one_types(page: Page, problems: list[str]) -> None:
    go(page, "/")
    page.get_by_role("searchbox").fill("a b c d e f g h i j k l m")
    expect(page.get_by_role("alert")).to_contain_text("q is 1 to 12 words, not 13")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.get_by_role("searchbox").fill("claude")
    expect(page.get_by_role("alert")).to_have_count(0)
    assert total(page) > 0
    assert all("400" in one for one in problems)  # the browser notes the status
    problems.clear()


def test_filter(page: Page) -> None:
    go(page, "/?q=gpt")
    before = total(page)
    tools = page.locator("#supports-tools")
    count = page.locator("label", has=tools).locator(".count").inner_text()
    tools.check()
    expect(page).to_have_url(re.compile("q=gpt&supports=tools$"))
    assert total(page) == int(count.replace(",", "")) < before
    page.locator("#provider-openai").check()
    expect(page).to_have_url(re.compile("provider=openai"))
    assert set(column(page, 3)) == {"openai"}
    openai = total(page)
    # Other providers are still offered, with what they would add.
    page.locator("#provider-azure").check()
    expect(page).to_have_url(re.compile("provider=openai,azure|provider=azure,openai|%2C"))
    assert total(page) > openai
    page.get_by_label("Input", exact=True).fill("1")
    expect(page).to_have_url(re.compile("maxInputPrice=1"))
    for price in column(page, 6):
        assert price == "free" or Decimal(price.removeprefix("$")) <= 1


def test_sort_and_page(page: Page) -> None:
    go(page, "/?provider=openai")
    page.get_by_role("link", name="Input price").click()
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Input price")
    prices = column(page, 6)
    known = [Decimal(p.removeprefix("$")) if p != "free" else Decimal(0) for p in prices
             if p.startswith("$") or p == "free"]  # fmt: skip
    assert len(known) > 10
    assert known == sorted(known)
    page.get_by_role("link", name="Input price").click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Input price")
    assert page.url.endswith("/?provider=openai&sort=-inputPrice")
    first = column(page, 2)
    page.get_by_role("link", name="Next").click()
    expect(page).to_have_url(re.compile("page=2"))
    assert not {*first} & {*column(page, 2)}
    # A filter keeps the order, and begins with the first page.
    page.get_by_role("searchbox").fill("gpt")
    expect(page).to_have_url(re.compile(r"^(?!.*page=).*sort=-inputPrice"))


def test_without_javascript(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    go(page, "/")
    page.get_by_role("searchbox").fill("sonnet 4.5")
    page.locator("#supports-tools").check()
    page.locator("#supports-vision").check()
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#supports-vision")).to_be_checked()
    assert 0 < total(page) < 200
    for box in page.get_by_role("checkbox", name="Choose").all()[:3]:
        box.check()
    page.get_by_role("button", name="Compare chosen").click()
    expect(page.locator("thead th")).to_have_count(3)
    page.get_by_label("Add a model").fill("openai/gpt-5")
    page.get_by_label("Input", exact=True).fill("1000000")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("thead th")).to_have_count(4)
    expect(page.get_by_role("row", name="Cost of the workload")).to_contain_text("$1.25")
    go(page, "/frontier?benchmark=arena-coding")
    front = page.get_by_role("region", name="Beaten by none")
    expect(front.get_by_role("row")).not_to_have_count(1)
    go(page, "/models/nimbus/star")
    expect(page.get_by_role("rowheader", name="2026-06-01")).to_be_visible()


def test_choose_on_several_pages_and_compare(page: Page) -> None:
    go(page, "/?q=claude")
    page.get_by_role("checkbox", name="Choose").first.check()
    page.get_by_role("searchbox").fill("gemini")
    expect(page).to_have_url(re.compile("gemini"))
    expect(page.locator("#picks .hint")).to_have_text("1 of 8 chosen")
    for box in page.get_by_role("checkbox", name="Choose").all()[:7]:
        box.check()
    expect(page.locator("#picks .hint")).to_have_text("8 of 8 chosen")
    expect(page.get_by_role("checkbox", name="Choose").nth(8)).to_be_disabled()
    page.get_by_role("button", name="Compare chosen").click()
    expect(page.locator("thead th")).to_have_count(8)
    page.get_by_role("link", name="Remove").first.click()
    expect(page.locator("thead th")).to_have_count(7)


def test_compare(page: Page) -> None:
    go(page, "/compare?ids=anthropic/claude-sonnet-4-5,nimbus/star:free,nimbus/dark,nimbus/flat")
    row = page.get_by_role("row", name=re.compile("^Input price")).get_by_role("cell")
    assert [text.split()[0] for text in row.all_inner_texts()] == [
        "$3", "free", "unknown", "subscription",
    ]  # fmt: skip
    expect(row.nth(1)).to_contain_text("best", ignore_case=True)
    expect(row.nth(0)).not_to_contain_text("best", ignore_case=True)
    page.get_by_label("Input", exact=True).fill("200000")
    page.get_by_label("Of that, cached").fill("150000")
    page.get_by_label("Output", exact=True).fill("333")
    page.get_by_role("button", name="Compare").click()
    expect(page).to_have_url(re.compile("outputTokens=333"))
    page.wait_for_load_state()
    cost = page.get_by_role("row", name="Cost of the workload").get_by_role("cell")
    call = page.locator("#calls a").get_attribute("href") or ""
    text = page.request.get(call).text()
    exact = re.findall(r'"cost":([0-9.]+|null)', text)
    assert [one.split()[0] for one in cost.all_inner_texts()] == [
        f"${exact[0]}", "$0", "unknown", "unknown",
    ]  # fmt: skip


def test_a_model_is_suggested(page: Page) -> None:
    go(page, "/compare?ids=openai/gpt-5")
    page.get_by_label("Add a model").press_sequentially("opus 4.5")
    expect(page.locator("#found option").first).to_be_attached()
    assert "opus" in (page.locator("#found option").first.get_attribute("value") or "")


def test_prices_over_time(page: Page) -> None:
    go(page, "/models/nimbus/star")
    ink = page.locator("#history canvas").evaluate(INK)
    assert len(ink) >= 4, "two lines, a grid and a ground"
    rows = page.locator("#prices-table tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text("announced")
    corrected = page.get_by_role("row", name="2026-01-01 base")
    expect(corrected).to_contain_text("corrected")
    expect(corrected.locator("s")).to_contain_text("$3")
    expect(corrected).to_contain_text("$2.5")
    new = page.get_by_role("row", name="2026-06-01 base")
    expect(new).to_contain_text("$0.0015")
    expect(new).not_to_contain_text("corrected")
    page.get_by_role("link", name="batch").click()
    expect(page).to_have_url(re.compile(r"tier=batch"))
    expect(page.locator("#prices-table tbody tr")).to_have_count(1)
    log = page.get_by_role("region", name="Changes")
    expect(log).to_contain_text("input price: 3 → 2.5")
    page.wait_for_load_state()
    hosts = page.get_by_role("region", name="Hosts").locator("tbody th a").all_inner_texts()
    assert hosts == ["nimbus"] * 3
    ids = page.get_by_role("region", name="Hosts").locator("tbody small").all_inner_texts()
    assert ids == ["star:free", "star", "dark"]


def test_a_chart_follows_the_colours(page: Page) -> None:
    go(page, "/models/nimbus/star")
    drawn = page.locator("#history canvas")
    light = drawn.evaluate(INK)
    drawn.evaluate("canvas => (canvas.dataset.light = '')")
    page.emulate_media(color_scheme="dark")
    # The page hears of it in one of its next frames, and draws on another canvas.
    dark = page.locator("#history canvas:not([data-light])").evaluate(INK)
    assert not {*light} & {*dark}


def test_price_against_score(page: Page) -> None:
    go(page, "/frontier")
    assert len(page.locator("#scatter canvas").evaluate(INK)) >= 3
    rows = page.locator("#front tbody tr")
    figures = "rows => rows.map(row => [row.dataset.price, row.dataset.score])"
    front = [(Decimal(p), Decimal(s)) for p, s in rows.evaluate_all(figures)]
    assert len(front) >= 3
    assert front == sorted(front)
    points = page.locator("#points tr[data-score]").evaluate_all(figures)
    for price, score in front:
        assert not any(Decimal(p) < price and Decimal(s) >= score for p, s in points)
    page.get_by_label("Benchmark").select_option("zz-latency")
    expect(page).to_have_url(re.compile("benchmark=zz-latency"))
    # The lower the better: the quicker one costs more, so that none beats the other.
    expect(rows).to_have_count(2)
    expect(page.get_by_text("1 more have a score and no known price")).to_be_visible()


@pytest.mark.parametrize("name", ["/?provider=nimbus", "/models/nimbus/star", "/providers?page=1",
                                  "/frontier?benchmark=zz-latency",
                                  "/compare?ids=nimbus/star,nimbus/star:free"])  # fmt: skip
def test_names_are_text(page: Page, name: str) -> None:
    go(page, name)
    expect(page.locator("main img, main script")).to_have_count(0)
    words = "<script>alert" if "providers" in name else "<img src=x onerror=alert(1)> Star"
    expect(page.get_by_text(words).first).to_be_visible()


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("/?minContext=many", 400, "minContext must be a whole number"),
        ("/?colour=red", 400, "unknown parameter"),
        ("/compare?ids=a/1,a/2,a/3,a/4,a/5,a/6,a/7,a/8,a/9", 400, "8 at most"),
        ("/frontier?benchmark=arena-codin", 404, "did you mean arena-coding or"),
        ("/models/openai/gpt-55", 404, "no model"),
    ],
)
def test_what_cannot_be_answered(
    page: Page,
    check_accessible: Callable[[Page], None],
    problems: list[str],
    url: str,
    status: int,
    words: str,
) -> None:
    go(page, url, status)
    expect(page.get_by_role("alert")).to_contain_text(words)
    if "/models/" in url:
        expect(page.get_by_role("link", name="openai/gpt-5", exact=True)).to_be_visible()
    check_accessible(page)
    assert len(problems) == 1  # the browser notes the status
    problems.clear()


def test_by_keyboard(page: Page) -> None:
    go(page, "/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("nimbus star")
    expect(page).to_have_url(re.compile("nimbus"))
    row = page.get_by_role("checkbox", name="Choose").first
    row.focus()
    page.keyboard.press("Space")
    expect(row).to_be_checked()
