"""A real Chromium on a real service with the real catalogue.

These tests are a run of their own, `pytest tests/browser`: while Playwright's browser is open its
event loop is the main thread's, where the other tests have theirs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import apsw
import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.engines import HTTP, ROOT, free_port, spawn, wait

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
PROGRAM = ROOT / ".venv" / "bin" / "aicompare"
# Milliseconds to wait for what is to come: a machine may have other work.
PATIENCE = 60_000

# Beside the real catalogue: names that are none, prices corrected, announced, free and unknown.
STAR = """
INSERT INTO providers (id, name, website) VALUES
  ('nimbus', '<script>alert("nimbus")</script>', 'https://nimbus.example/?a="><b>');
INSERT INTO models (id, provider_id, model_id, name, mode, context_window, canonical, release_date)
VALUES
  ('nimbus/star', 'nimbus', 'star', '<img src=x onerror=alert(1)> Star', 'chat', 123456,
   'nimbus/star', '2026-01-01'),
  ('nimbus/star:free', 'nimbus', 'star:free', '=HYPERLINK("http://x.example")', 'chat', NULL,
   'nimbus/star', '2026-01-02'),
  ('nimbus/dark', 'nimbus', 'dark', 'Dark', 'chat', NULL, 'nimbus/star', NULL),
  ('nimbus/flat', 'nimbus', 'flat', 'Flat', 'chat', NULL, NULL, NULL);
INSERT INTO pricing (model_id, input_price_per_million, output_price_per_million, effective_date,
  service_tier, context_threshold, state) VALUES
  ('nimbus/star', 3000000000, 9000000000, '2026-01-01', 'standard', 0, 'paid'),
  ('nimbus/star', 1500000, 6000000000, '2026-06-01', 'standard', 0, 'paid'),
  ('nimbus/star', 1000000000, 4000000000, date('now', '+60 days'), 'standard', 0, 'paid'),
  ('nimbus/star', 4000000000, 12000000000, '2026-01-01', 'standard', 200000, 'paid'),
  ('nimbus/star', 1000000000, 3000000000, '2026-01-01', 'batch', 0, 'paid'),
  ('nimbus/star:free', 0, 0, '2026-01-01', 'standard', 0, 'free'),
  ('nimbus/flat', NULL, NULL, '2026-01-01', 'standard', 0, 'subscription');
UPDATE pricing SET input_price_per_million = 2500000000
WHERE model_id = 'nimbus/star' AND effective_date = '2026-01-01' AND context_threshold = 0
  AND service_tier = 'standard';
INSERT INTO benchmarks (model_id, benchmark_name, score, unit, higher_is_better) VALUES
  ('nimbus/star', 'zz-latency', 900000000, 's', 0),
  ('nimbus/star:free', 'zz-latency', 1200000000, 's', 0),
  ('nimbus/dark', 'zz-latency', 100000000, 's', 0);
"""

Serving = Callable[..., AbstractContextManager[str]]
Open = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        missing = "no chromium: as root, `make test` or apt-get install chromium libatomic1"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real catalogue as a SQLite file; to write, serve a copy."""
    path = tmp_path_factory.mktemp("catalogue") / "seeded.db"
    for command in (["migrate", "up"], ["seed"]):
        subprocess.run(
            [PROGRAM, *command], env=_environment(path), check=True, capture_output=True, cwd="/"
        )
    with closing(apsw.Connection(str(path))) as database:
        database.execute(STAR)
    return path


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Serving:
    """Serves a database by `aicompare serve`: a context with the URL, settings by keyword."""

    @contextmanager
    def serve(database: Path, **settings: str) -> Iterator[str]:
        port = free_port()
        log = tmp_path_factory.mktemp("service") / "log"
        arguments = ["/usr/bin/env", "-i", *(f"{k}={v}" for k, v in _environment(database).items())]
        arguments += [f"AICOMPARE_{name.upper()}={value}" for name, value in settings.items()]
        process = spawn([*arguments, str(PROGRAM), "serve", "--port", str(port)], log=log)
        url = f"http://127.0.0.1:{port}"

        def ready() -> bool:
            try:
                return HTTP.get(f"{url}/health/ready").status_code == 200
            except httpx.TransportError:
                return False

        try:
            wait(ready, process, log)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    return serve


@pytest.fixture(scope="session")
def site(catalogue: Path, serving: Serving) -> Iterator[str]:
    """The URL of a service for all who only read."""
    with serving(catalogue) as url:
        yield url


@pytest.fixture
def problems() -> list[str]:
    """What pages did wrong; empty at the end of a test, or the test fails."""
    return []


@pytest.fixture
def open_page(browser: Browser, site: str, problems: list[str]) -> Iterator[Open]:
    """Opens pages that are watched; the options are those of `browser.new_context`."""
    contexts = []

    def open(**options: Any) -> Page:
        context = browser.new_context(**({"base_url": site} | options))
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        host = urlsplit(str(options.get("base_url", site))).netloc

        def console(message: ConsoleMessage) -> None:
            # Violations of the content security policy are among them.
            if message.type in ("error", "warning"):
                problems.append(f"{message.type} on {page.url}: {message.text}")

        def request(request: Request) -> None:
            if urlsplit(request.url).netloc != host:
                problems.append(f"{page.url} asked {request.url}")

        page.on("console", console)
        page.on("pageerror", lambda error: problems.append(f"error on {page.url}: {error}"))
        page.on("request", request)
        return page

    yield open
    for context in contexts:
        context.close()
    assert not problems


@pytest.fixture
def page(open_page: Open) -> Page:
    """A page in a window of a desktop."""
    return open_page(viewport={"width": 1280, "height": 900})


@pytest.fixture(scope="session")
def check_accessible() -> Callable[[Page], None]:
    """Fails with what axe finds to be seriously wrong for people with disabilities."""
    if not AXE.exists():
        pytest.fail("no axe-core: `make setup` installs it by npm")
    source = AXE.read_text()

    def check(page: Page) -> None:
        page.wait_for_load_state()
        page.evaluate(source)
        found = page.evaluate("axe.run()")
        serious = [
            f"{one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes'][:5]]}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        assert not serious, f"{page.url}: {serious}"
        assert found["passes"], "axe looked at nothing"

    return check


def _environment(database: Path) -> dict[str, str]:
    return {"AICOMPARE_DATABASE_URL": f"file:{database}", "PATH": os.environ["PATH"]}
