"""Fields edited, in conflict, locked; rows deleted; prices decided on; changes undone: by forms."""

from __future__ import annotations

import csv
import datetime
import io
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from service.storage.database import Database, Statement
from tests.admin.browsing import Browser, alerts, browser
from tests.engines import Engine
from tests.pipeline.conftest import CATALOG, Clock, price

pytestmark = pytest.mark.anyio

EVIL = "<script>alert(1)</script>"
PLACE = "/admin/tables/pricing"


@pytest.fixture
async def admin(database: Engine) -> AsyncIterator[Browser]:
    """Signed in, with one model that has one price."""
    async with browser(database, Clock()) as one:
        await one.sign_in()
        await ingest(one, pricing=[price(inputPrice=1.5, outputPrice=3)])
        yield one


async def ingest(admin: Browser, **rows: Any) -> dict[str, Any]:
    response = await admin.client.post(
        "/v1/pipeline/ingest",
        json=CATALOG | rows,
        headers={"authorization": f"Bearer {admin.token}"},
    )
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def edited(admin: Browser, field: str, value: str, was: str, **more: Any) -> Any:
    """The row after an edit, as if its page had been read just now."""
    form = {"table": "pricing", "id": "1", "field": field, "value": value, "was": was}
    given = {"version": await version(admin)} | form | more
    return await admin.script("POST", "/admin/edit", PLACE, **given)


async def version(admin: Browser) -> str:
    row = await admin.script("GET", "/admin/row", PLACE, table="pricing", id="1")
    return re.findall(r'"version": (\d+)', row.text)[0]


async def stored_price(db: Database) -> tuple[Any, ...]:
    [prices, locks] = await db.fetch(
        Statement("test", "SELECT input_price_per_million, state FROM pricing WHERE id = 1"),
        Statement("test", "SELECT field FROM locks ORDER BY field"),
    )
    return (*prices[0], *(field for (field,) in locks))


async def test_an_edit_is_exact_and_locks(admin: Browser, stored: Database) -> None:
    row = await edited(admin, "inputPrice", " 1.000000001 ", "1.5")
    assert not alerts(row)
    assert 'aria-label="Unlock Input price"' in row.text
    assert await stored_price(stored) == (1_000_000_001, "paid", "inputPrice")
    answer = await ingest(admin, pricing=[price(inputPrice=2, outputPrice=3)])
    assert answer["data"]["pricing"]["locked"] == 1
    assert (await stored_price(stored))[0] == 1_000_000_001

    where = {"table": "pricing", "id": "1", "field": "inputPrice"}
    row = await admin.script("POST", "/admin/unlock", PLACE, **where)
    assert "Unlock" not in row.text
    await ingest(admin, pricing=[price(inputPrice=2, outputPrice=3)])
    assert await stored_price(stored) == (2_000_000_000, "paid")
    row = await admin.script("POST", "/admin/unlock", PLACE, **where)
    assert "is not locked" in alerts(row)[0], "somebody else was faster"
    row = await admin.script("POST", "/admin/lock", PLACE, **where)
    assert 'aria-label="Unlock Input price"' in row.text


async def test_unknown_is_not_free(admin: Browser, stored: Database) -> None:
    row = await edited(admin, "inputPrice", "0", "1.5")
    assert "0 (free)" in row.text
    assert (await stored_price(stored))[:2] == (0, "paid")
    row = await edited(admin, "inputPrice", "", "0")
    assert ">unknown</button>" in row.text
    assert (await stored_price(stored))[0] is None


@pytest.mark.parametrize(
    ("field", "value", "was", "said"),
    [
        ("inputPrice", "cheap", "1.5", "decimal"),
        ("inputPrice", "-1", "1.5", "below zero"),
        ("inputPrice", "0.0000000001", "1.5", "9"),
        ("inputPrice", "NaN", "1.5", "decimal"),
        ("inputPrice", "1_000", "1.5", "decimal"),
        ("inputPrice", "1e3", "1.5", "decimal"),
        ("inputPrice", "1,5", "1.5", "decimal"),
        ("inputPrice", EVIL, "1.5", "script"),
        ("state", "gratis", "paid", "gratis"),
        ("state", "", "paid", "needs a value"),
        ("state", "free", "paid", "0"),
        ("verifiedAt", "yesterday", "", "yesterday"),
        ("sourceUrl", "javascript:alert(1)", "", "sourceUrl"),
    ],
)
async def test_what_the_api_refuses_is_refused_beside_the_field(
    admin: Browser, stored: Database, field: str, value: str, was: str, said: str
) -> None:
    before = await stored_price(stored)
    place = f"{PLACE}?columns=inputPrice,state,verifiedAt,sourceUrl"
    form = {"table": "pricing", "id": "1", "field": field, "value": value, "was": was}
    row = await admin.script("POST", "/admin/edit", place, version=await version(admin), **form)
    [message] = alerts(row)
    assert said in message, message
    assert "<script" not in row.text
    if field != "state":
        [kept] = re.findall(r'id="value" name="value" value="(.*?)"', row.text)
        assert kept.replace("&lt;", "<").replace("&gt;", ">") == value, "what was typed is lost"
    assert await stored_price(stored) == before


async def test_a_conflict_shows_both_and_loses_nothing(admin: Browser, stored: Database) -> None:
    old = await version(admin)
    await edited(admin, "inputPrice", "4", "1.5")
    row = await edited(admin, "inputPrice", "5", "1.5", version=old)
    [message] = alerts(row)
    assert "changed it meanwhile" in message
    assert re.search(r"Theirs\s+4\s+Yours\s+5", message)
    assert (await stored_price(stored))[0] == 4_000_000_000
    [kept] = re.findall(r'id="value" name="value" value="(.*?)"', row.text)
    [was] = re.findall(r'name="was" value="(.*?)"', row.text)
    [new] = re.findall(r'"version": (\d+)', row.text)
    assert (kept, was) == ("5", "4")
    row = await edited(admin, "inputPrice", kept, was, version=new)
    assert not alerts(row)
    assert (await stored_price(stored))[0] == 5_000_000_000


async def test_a_form_sent_twice_has_no_conflict_with_itself(
    admin: Browser, stored: Database
) -> None:
    old = await version(admin)
    form = {"table": "pricing", "id": "1", "field": "inputPrice", "value": "4", "was": "1.5"}
    for _ in range(2):
        row = await admin.script("POST", "/admin/edit", PLACE, version=old, **form)
        assert not alerts(row)
        assert 'aria-label="Unlock Input price"' in row.text
    assert (await stored_price(stored))[0] == 4_000_000_000


async def test_edits_of_different_fields_are_no_conflict(admin: Browser, stored: Database) -> None:
    old = await version(admin)
    await edited(admin, "outputPrice", "9", "3")
    row = await edited(admin, "inputPrice", "7", "1.5", version=old)
    assert not alerts(row)
    assert (await stored_price(stored))[0] == 7_000_000_000


async def test_nothing_typed_locks_nothing(admin: Browser, stored: Database) -> None:
    await edited(admin, "inputPrice", "1.5", "1.5")
    assert await stored_price(stored) == (1_500_000_000, "paid")


async def test_rows_are_deleted_and_restored(admin: Browser) -> None:
    old = await version(admin)
    where = {"table": "pricing", "id": "1", "version": old}
    row = await admin.script("POST", "/admin/delete", PLACE, **where)
    assert "Restore" in row.text
    assert ">Edit" not in row.text
    late = await edited(admin, "inputPrice", "5", "1.5", version=old)
    assert alerts(late)
    row = await admin.script(
        "POST", "/admin/restore", PLACE, **where | {"version": await version(admin)}
    )
    assert "Delete" in row.text
    row = await admin.script("POST", "/admin/delete", PLACE, **where)
    assert "has changed meanwhile" in alerts(row)[0]
    assert "Delete" in row.text


async def test_a_held_price_is_decided_on(admin: Browser, stored: Database) -> None:
    for day, decision in (("2026-02-01", "accept"), ("2026-03-01", "reject")):
        await ingest(admin, pricing=[price(day, inputPrice=900, outputPrice=900)])
        page = await admin.get("/admin/tables/held?status=pending")
        [id] = re.findall(r'<tr data-id="(\d+)"', page.text)
        row = await admin.script(
            "POST", "/admin/held", "/admin/tables/held", id=id, decision=decision
        )
        assert not alerts(row)
        assert f"{decision}ed" in row.text
        row = await admin.script(
            "POST", "/admin/held", "/admin/tables/held", id=id, decision=decision
        )
        assert f"was {decision}ed by" in alerts(row)[0]
        if decision == "accept":
            await admin.client.delete(
                "/v1/pricing/2", headers={"authorization": f"Bearer {admin.token}"}
            )


async def test_a_change_is_undone_out_of_the_log(admin: Browser, stored: Database) -> None:
    await edited(admin, "inputPrice", "4", "1.5")
    first = await version(admin)
    await edited(admin, "outputPrice", "5", "3")
    place = "/admin/tables/changes"
    log = await admin.get(place)
    assert re.search(r"input price\s*<del>1.5</del>\s*<ins>4</ins>", log.text)
    row = await admin.script("POST", "/admin/undo", place, id=first)
    assert "has changed since" in alerts(row)[0]
    assert "Undo anyway" in row.text
    row = await admin.script("POST", "/admin/undo", place, id=first, confirmed="true")
    assert "Undone: revision" in alerts(row)[0]
    assert (await stored_price(stored))[0] == 1_500_000_000


async def test_what_no_page_sends(admin: Browser) -> None:
    form = {"table": "pricing", "id": "1", "field": "inputPrice", "value": "2", "was": "1"}
    for wrong in (
        {"table": "tokens"},
        {"table": "runs"},
        {"table": "x"},
        {"field": "modelId"},
        {"field": "createdAt"},
        {"field": "secret_hash"},
        {"version": "x"},
        {"version": "9" * 30},
        {"id": "x"},
        {"id": "999"},
    ):
        response = await admin.client.post(
            "/admin/edit",
            data={"version": "1"} | form | wrong,
            headers={"origin": "http://test", "x-csrf-token": admin.csrf},
        )
        assert response.status_code in (400, 404), wrong


async def test_a_table_as_csv_is_what_the_filters_leave(admin: Browser) -> None:
    names = ["=1+1", "@SUM(1)", EVIL, '"quoted", with\na line', "-5", "Plain"]
    models = [
        {"providerId": "acme", "modelId": f"m{i}", "name": name.replace("\n", " ")}
        for i, name in enumerate(names)
    ]
    await ingest(admin, models=[*CATALOG["models"], *models])
    page = await admin.get("/admin/tables/models?id=acme/m&columns=name,deprecated&sort=-name")
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;" in page.text
    [link] = re.findall(r'href="(/admin/export/[^"]*)"', page.text)
    response = await admin.get(link.replace("&amp;", "&"))
    assert response.headers["content-disposition"] == 'attachment; filename="models.csv"'
    found = list(csv.reader(io.StringIO(response.text, newline="")))
    assert found[0] == ["id", "name", "deprecated"]
    order = sorted(range(len(names)), key=lambda i: models[i]["name"], reverse=True)
    assert [row[0] for row in found[1:]] == [f"acme/m{i}" for i in order]
    assert {"'=1+1", "'@SUM(1)"} <= {row[1] for row in found}
    assert not [cell for row in found for cell in row if cell[:1] in "=+-@" and cell]
    none = await admin.get("/admin/export/models?id=nothing")
    assert none.text.splitlines() == [",".join(MODEL_COLUMNS)]
    log = await admin.get("/admin/export/changes?columns=before,after")
    assert '""inputPrice"":1.5' in log.text


MODEL_COLUMNS = (
    *("id", "name", "mode", "contextWindow", "maxOutput", "supportsVision", "supportsTools"),
    *("releaseDate", "deprecated", "updatedAt"),
)


async def test_a_view_is_all_in_its_url(admin: Browser) -> None:
    await ingest(admin, pricing=[price(f"2026-01-{day:02}", inputPrice=day) for day in range(1, 9)])
    path = "/admin/tables/pricing?inputPrice=%3E=3&effectiveDate=..2026-01-06&sort=-inputPrice"
    page = await admin.get(path)
    assert re.findall(r'<tr data-id="(\d+)"', page.text) == ["6", "5", "4", "3"]
    prices = re.findall(r'aria-label="Input price: (\d+)', page.text)
    assert prices == ["6", "5", "4", "3"]
    assert 'aria-sort="descending"' in page.text
    form = await admin.get(f"{PLACE}?q=&inputPrice=%3E%3D3&effectiveDate=&deleted=", 303)
    assert form.headers["location"] == f"{PLACE}?inputPrice=%3E=3"
    wrong = await admin.get(f"{PLACE}?inputPrice=cheap&nosuch=1&sort=price&page=0", 400)
    assert len(alerts(wrong)) == 4
    assert "did you mean" in " ".join(alerts(wrong))
    assert 'value="cheap"' in wrong.text


async def test_pages_of_runs_and_models(admin: Browser) -> None:
    answer = await ingest(admin, models=[*CATALOG["models"]], pricing=[price(inputPrice=2)])
    run = await admin.get(f"/admin/runs/{answer['data']['runId']}")
    assert re.search(r"input price\s*<del>1.5</del>\s*<ins>2</ins>", run.text)
    many = [price(f"2026-02-{day:02}", inputPrice=day % 9 + 1) for day in range(1, 29)]
    more = [{"providerId": "acme", "modelId": f"m{i}", "name": f"M{i}"} for i in range(40)]
    admin.clock.now += datetime.timedelta(seconds=1)
    long = await ingest(admin, models=[*CATALOG["models"], *more], pricing=many)
    run_page = await admin.get(f"/admin/runs/{long['data']['runId']}")
    [link] = re.findall(r'<a href="([^"]*)">All its changes', run_page.text)
    log = await admin.get(link.replace("&amp;", "&"))
    assert ">68 rows<" in re.sub(r"\s*(68 rows)\s*", r"\1", log.text)
    model = await admin.get("/admin/models/acme/one")
    for text in ("acme/one", "2026-01-01", "model_added", "price_added"):
        assert text in model.text
    overview = await admin.get("/admin")
    assert long["data"]["runId"] in overview.text
    assert (
        "none yet" not in re.findall(r"Last run</h2>(.*?)</section>", overview.text, re.DOTALL)[0]
    )


async def test_a_run_is_undone_unless_that_would_lose_something(
    admin: Browser, stored: Database
) -> None:
    answer = await ingest(admin, pricing=[price(inputPrice=2, outputPrice=3)])
    run = f"/admin/runs/{answer['data']['runId']}"
    assert (await stored_price(stored))[0] == 2_000_000_000
    assert "Undo all that it changed" in (await admin.get(run)).text
    own = (await admin.post(run, 303)).headers["location"]
    assert (await stored_price(stored))[0] == 1_500_000_000
    undone = await admin.get(own)
    assert f"undo of {answer['data']['runId']}" in undone.text
    assert re.search(r"input price\s*<del>2</del>\s*<ins>1.5</ins>", undone.text)
    # The row has changed since.
    refused = await admin.post(run, 409)
    assert "later changes would be lost: price_corrected of 1 by ada" in alerts(refused)[0]
    assert (await stored_price(stored))[0] == 1_500_000_000
    await admin.post(own, 303)
    assert (await stored_price(stored))[0] == 2_000_000_000
    admin.csrf = "wrong"
    await admin.post(run, 403)
    await admin.post(run, 403, origin="https://evil.example")
