"""Who gets to the admin pages, with what headers, and what forms of others do: nothing."""

from __future__ import annotations

import datetime
import re
from collections.abc import AsyncIterator

import pytest

from service.http.admin.page import AdminPage
from service.http.admin.routes import ADMIN
from service.storage.database import Database, Statement
from tests.admin.browsing import Browser, alerts, browser, location
from tests.engines import Engine
from tests.http.client import make_app, running
from tests.pipeline.conftest import Clock

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def admin(database: Engine, clock: Clock) -> AsyncIterator[Browser]:
    async with browser(database, clock) as one:
        yield one


def path_of(page: AdminPage) -> str:
    return page.path.format(**page.example)


GETS = [page for page in ADMIN if page.method == "GET" and not page.open]
POSTS = [page for page in ADMIN if page.method == "POST" and not page.open]


async def test_without_a_session_all_pages_lead_to_sign_in_and_back(admin: Browser) -> None:
    for page in GETS:
        path = path_of(page)
        response = await admin.get(f"{path}?sort=-name&q=a+b%26c", 303)
        assert response.headers["cache-control"] == "no-store"
        there = location(response)
        assert there.startswith("/admin/sign-in?next=/admin")
        form = await admin.get(there)
        [place] = re.findall(r'name="next" value="(.*?)"', form.text)
        back = path.replace("export", "tables")
        assert place.replace("&amp;", "&") == f"{back}?sort=-name&q=a+b%26c"
    for page in POSTS:
        assert location(await admin.post(path_of(page), 303)) == "/admin/sign-in"
    there = location(await admin.get("/admin/tables/models?name=x", 303))
    place = location(await admin.sign_in(place="/admin/tables/models?name=x"))
    assert place == "/admin/tables/models?name=x"
    assert location(await admin.get(there, 303)) == place, "who has signed in goes on"


async def test_an_expired_session_leads_back_to_the_same_view(admin: Browser, clock: Clock) -> None:
    await admin.sign_in()
    clock.now += datetime.timedelta(hours=12)
    place = "/admin/tables/pricing?inputPrice=%3E=3&page=2"
    response = await admin.script("GET", "/admin/edit", place, table="pricing", id="1")
    assert response.text == ""
    there = response.headers["hx-redirect"]
    form = await admin.get(there)
    assert re.findall(r'name="next" value="(.*?)"', form.text) == [place.replace("&", "&amp;")]


@pytest.mark.parametrize(
    "place",
    [
        *("https://evil.example", "//evil.example", "/admin//../x\\y", "/\\evil.example", "/v1"),
        *("javascript:alert(1)", "/admin\r\nx: y", "/admin/ä", "/administration", "", "admin"),
    ],
)
async def test_nobody_is_sent_elsewhere(admin: Browser, place: str) -> None:
    assert location(await admin.sign_in(place=place)) == "/admin"


async def test_the_cookie_and_the_headers(admin: Browser) -> None:
    cookie = (await admin.sign_in()).headers["set-cookie"]
    secret, *attributes = cookie.split("; ")
    assert re.fullmatch(r"aicompare_admin=[\w-]{43}", secret)
    assert set(attributes) == {"Path=/admin", "Max-Age=43200", "HttpOnly", "SameSite=Lax"}
    for page in GETS:
        response = await admin.client.get(path_of(page))
        headers = response.headers
        assert response.status_code < 500
        assert headers["cache-control"] == "no-store"
        assert headers["vary"] == "Cookie"
        assert headers["referrer-policy"] == "same-origin"
        if headers["content-type"].startswith("text/html"):
            assert "script-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers
        assert "unsafe" not in headers["content-security-policy"]
    # A path that the router takes for one of these is one of these.
    spelled = await admin.client.get("http://localhost//admin")
    assert spelled.headers["referrer-policy"] == "same-origin"
    assert "access-control-allow-origin" not in spelled.headers
    assert secret.partition("=")[2] not in (await admin.get("/admin")).text


async def test_the_cookie_is_secure_where_the_browser_speaks_https(
    admin: Browser,
) -> None:
    response = await admin.client.post(
        "/admin/sign-in",
        data={"token": admin.token},
        headers={"origin": "https://test"},
    )
    assert response.status_code == 303
    assert "Secure" in response.headers["set-cookie"].split("; ")


async def test_a_hit_of_the_public_cache_stays_one(admin: Browser) -> None:
    await admin.sign_in()
    await admin.get("/v1/providers")
    assert (await admin.get("/v1/providers")).headers["x-cache"] == "hit"


async def test_signing_out_ends_the_session_everywhere(admin: Browser) -> None:
    await admin.sign_in()
    kept = dict(admin.client.cookies)
    response = await admin.post("/admin/sign-out", 303)
    assert location(response) == "/admin/sign-in"
    assert "Max-Age=0" in response.headers["set-cookie"]
    assert not admin.client.cookies
    await admin.get("/admin", 303, cookie="; ".join(f"{k}={v}" for k, v in kept.items()))


async def test_forms_of_others_do_nothing(admin: Browser, stored: Database) -> None:
    response = await admin.post(
        "/admin/sign-in", 403, token=admin.token, origin="https://evil.example"
    )
    assert "set-cookie" not in response.headers
    await admin.post("/admin/sign-in", 403, token=admin.token, origin=None)
    await admin.post("/admin/sign-in", 403, token=admin.token, origin="http://[")
    response = await admin.get("/admin/row", hx_request="true", hx_current_url="http://[/admin/x")
    assert response.headers["hx-redirect"] == "/admin/sign-in"
    await admin.sign_in()
    good = admin.csrf
    await admin.client.put(
        "/v1/providers/acme",
        json={"name": "Acme"},
        headers={"authorization": f"Bearer {admin.token}"},
    )
    form = {"table": "providers", "id": "acme", "version": "1"}
    for csrf in ("", "0" * 64, good[:-1]):
        admin.csrf = csrf
        refused = await admin.post("/admin/delete", 403, **form)
        assert "not of this session" in alerts(refused)[0]
        await admin.post("/admin/sign-out", 403)
    admin.csrf = good
    for origin in ("https://evil.example", "null", None, "http://test.evil.example"):
        await admin.post("/admin/delete", 403, origin=origin, **form)
    [rows] = await stored.fetch(Statement("test", "SELECT deleted_at FROM providers"))
    assert rows == [(None,)]
    await admin.post("/admin/delete", 200, **form)
    [rows] = await stored.fetch(Statement("test", "SELECT deleted_at FROM providers"))
    assert rows != [(None,)]


async def test_who_is_not_let_in(database: Engine, clock: Clock) -> None:
    async with browser(database, clock, "pipeline") as other:
        page = await other.post("/admin/sign-in", 403, token=other.token)
        assert "scope pipeline" in alerts(page)[0]
        for token in ("", "aic_0123456789ab_" + "A" * 43, "x" * 5000):
            assert alerts(await other.post("/admin/sign-in", 401, token=token))
        for _ in range(6):
            await other.post("/admin/sign-in", 401, token="guess")
        page = await other.post("/admin/sign-in", 429, token="guess")
        assert page.headers["retry-after"] == "30"
        assert "try again in 30 s" in alerts(page)[0]
        assert not other.client.cookies


async def test_forms_that_are_none(admin: Browser) -> None:
    await admin.sign_in()
    for content, media in ((b"{}", "application/json"), (b"\xff=%ff", ""), (b"a=%ff", FORM)):
        response = await admin.client.post(
            "/admin/edit",
            content=content,
            headers={"content-type": media, "origin": "http://test", "x-csrf-token": admin.csrf},
        )
        assert response.status_code == 400
    many = "&".join(f"a{i}=1" for i in range(101))
    response = await admin.client.post(
        "/admin/edit",
        content=many,
        headers={"content-type": FORM, "origin": "http://test", "x-csrf-token": admin.csrf},
    )
    assert response.status_code == 400


FORM = "application/x-www-form-urlencoded"


async def test_what_is_not_there(admin: Browser) -> None:
    await admin.sign_in()
    for path in ("tables/secrets", "models/no/such", "runs/none", "export/tokens2"):
        page = await admin.get(f"/admin/{path}", 404)
        assert alerts(page)
        assert "Sign out" in page.text, "whoever is lost keeps the way back"


@pytest.mark.parametrize(
    ("settings", "status", "header", "value"),
    [
        ({"fly_app": "aicompare"}, 307, "fly-replay", "region=ams"),
        (
            {"primary_url": "https://ams.example/"},
            307,
            "location",
            "https://ams.example/admin/tables/models?q=x",
        ),
        ({}, 421, "content-type", "application/json"),
    ],
)
async def test_a_region_that_only_reads_sends_admins_to_the_primary(
    database: Engine, settings: dict[str, str], status: int, header: str, value: str
) -> None:
    app = make_app(
        database.reader_url,
        database_token=database.reader_token,
        primary_region="ams",
        **settings,
    )
    async with running(app) as client:
        response = await client.get("/admin/tables/models?q=x")
        assert (response.status_code, response.headers[header]) == (status, value)
        if status == 421:
            assert "ams" in response.json()["error"]["message"]
