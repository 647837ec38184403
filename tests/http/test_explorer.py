"""The explorer's pages say the same on every engine; the browser looks at one."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import closing
from html import unescape
from pathlib import Path

import apsw
import pytest

from service.http.pages.templates import host
from tests.catalog import COPILOT, FLASH, GPT, LOST, PRO, PRO_FREE, SONNET, SONNET_OR
from tests.http.client import make_app, make_catalogue, running, watching
from tests.http.conftest import Api

pytestmark = pytest.mark.anyio


async def page(api: Api, url: str, status: int = 200) -> str:
    response = await api.client.get(url)
    assert response.status_code == status, (url, response.text)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    return unescape(re.sub(r"\s+", " ", response.text))


def rows(page: str, table: str) -> list[str]:
    """The text of each row of a table's body, tags taken out."""
    body = page.split(table, 1)[1].split("</table>", 1)[0].split("<tbody", 1)[1]
    return [
        re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", row)).strip()
        for row in re.findall("<tr.*?</tr>", body)
    ]


async def test_the_list(api: Api) -> None:
    shown = await page(api, "/?sort=name&deprecated=any")
    total = (await api.get("models?deprecated=any"))["meta"]["total"]
    assert f"<strong>{total}</strong> model" in shown
    found = await page(api, "/?q=gemini&provider=google")
    assert "google/gemini-2.5-flash" in found
    # Another provider that has some is offered, with how many.
    assert re.search(r'value="openrouter">\s*openrouter <span class="count">1<', found)


async def test_a_model(api: Api) -> None:
    shown = await page(api, f"/models/{SONNET}")
    prices = rows(shown, 'id="prices-table"')
    assert prices[0].startswith("2027-01-01 base $2.5 $12.5")
    assert "announced" in prices[0]
    assert any(row.startswith("2025-09-29 200,000 tokens $6 $22.5") for row in prices)
    hosts = rows(shown, 'aria-label="Hosts"')
    assert [row.split()[0] for row in hosts] == ["anthropic", "openrouter"]
    batch = rows(await page(api, f"/models/{SONNET}?tier=batch"), 'id="prices-table"')
    assert len(batch) == 1
    assert "$1.5 $7.5" in batch[0]


async def test_a_correction(api: Api) -> None:
    shown = await page(api, f"/models/{PRO}")
    corrected = next(r for r in rows(shown, 'id="prices-table"') if r.startswith("2025-06-17 base"))
    assert "$1.2 corrected from $1.25" in corrected
    assert "corrected 2026-03-01" in corrected
    announced = rows(await page(api, f"/models/{FLASH}"), 'id="prices-table"')
    assert "announced" in announced[0]
    assert "corrected" not in announced[0]


async def test_unknown_is_not_free(api: Api) -> None:
    shown = await page(api, f"/compare?ids={PRO_FREE},{SONNET_OR},{COPILOT}&inputTokens=1000")
    text = re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", shown))
    assert "Cost of the workload $0 best $0.003 unknown" in text
    assert "Input price free best $3 subscription" in text


def test_a_malformed_link_is_shown_as_it_is() -> None:
    """One website out of a batch must not take the page of all providers down."""
    assert host("https://www.example.com/docs") == "example.com"
    assert host("https://[x") == "https://[x"


async def test_the_front(api: Api) -> None:
    shown = await page(api, "/frontier?benchmark=arena-overall")
    assert re.findall(r"<option[^>]*>([a-z0-9-]+)</option>", shown)[:4] == [
        "arena-overall", "latency-p50", "mmlu", "penalty",
    ]  # fmt: skip
    front = rows(shown, 'id="front"')
    assert [row.rsplit(" ", 2)[1:] for row in front] == [
        ["1,409.123456789", "$2.5"], ["1,451", "$9.6"],
    ]  # fmt: skip
    best = rows(await page(api, "/frontier?benchmark=latency-p50"), 'id="front"')
    assert [row.rsplit(" ", 2)[1:] for row in best] == [["0.4", "$1.6"]]


async def test_nothing_there(api: Api) -> None:
    shown = await page(api, "/models/openai/gpt5", 404)
    assert f'<a href="/models/{GPT}">{GPT}</a>' in shown
    assert await page(api, f"/models/{LOST}", 404)
    assert "/compare" in await page(api, "/compare")
    assert "did you mean mmlu?" in await page(api, "/frontier?benchmark=mmlo", 404)


async def test_providers(api: Api) -> None:
    shown = rows(await page(api, "/providers"), 'aria-label="Providers"')
    answer = await api.get("providers")
    assert len(shown) == answer["meta"]["total"]
    assert any("Google DeepMind" in row for row in shown)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    file = tmp_path / "catalogue.db"
    make_catalogue(file)
    return file


async def test_a_host_that_changes_retires_the_page(made: Path) -> None:
    url = "/models/google/gemini-2.5-pro"
    async with running(make_app(f"file:{made}", watch_interval=0.05)) as client:
        await watching(client)
        await client.get(url)
        assert (await client.get(url)).headers["x-cache"] == "hit"
        with closing(apsw.Connection(str(made))) as connection:
            connection.execute(
                "UPDATE pricing SET input_price_per_million = 987654321, state = 'paid'"
                " WHERE model_id = 'openrouter/google/gemini-2.5-pro:free'"
            )
        deadline = time.monotonic() + 60
        while "$0.987654321" not in (await client.get(url)).text:
            assert time.monotonic() < deadline, "the page never said the new price"
            await asyncio.sleep(0.02)
