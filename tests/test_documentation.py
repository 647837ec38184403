"""Nothing is there that is not documented: no route, no setting, no command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from service.app import create_app
from service.cli import cli
from service.http.admin.page import AdminPage
from service.http.admin.routes import ADMIN
from service.http.api.docs import FILES
from service.http.edge import Edge
from service.http.pages.page import Page
from service.http.routes import ACTIONS, ENDPOINTS, PAGES
from service.settings import Settings, describe, markdown

README = Path(__file__).parent.parent / "README.md"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.operation)
def test_routes(endpoint: object) -> None:
    for name in ("summary", "description", "example", "tag"):
        assert getattr(endpoint, name), f"an endpoint without {name}: add it in service/http/api"


def test_no_route_is_left_out_of_the_list() -> None:
    app = create_app(Settings())
    assert isinstance(app, Edge)
    routed = {route.path for route in app.framework.routes}
    listed = {one.path.replace("{id}", "{id:path}") for one in ENDPOINTS}
    listed |= {one.route for one in ACTIONS}
    listed |= {page.route for page in ADMIN}
    listed |= {file.path for file in FILES} | {"/openapi.json", "/assets/{name:path}"}
    assert routed - listed == {page.path.replace("{id}", "{id:path}") for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda one: one.path)
def test_pages(page: Page) -> None:
    assert f"| `{page.path}` | {page.summary} |" in README.read_text()


@pytest.mark.parametrize(
    "page", [page for page in ADMIN if page.method == "GET"], ids=lambda one: one.path
)
def test_admin_pages(page: AdminPage) -> None:
    if page.path not in ("/admin/row", "/admin/edit"):  # parts of pages
        assert f"| `{page.path}` | {page.summary} |" in README.read_text()


@pytest.mark.parametrize("row", list(describe()), ids=lambda row: row.variable)
def test_settings(row: object) -> None:
    help = getattr(row, "help", "")
    assert help.endswith("."), "a setting without help: add it in service/settings.py"


def test_settings_in_readme() -> None:
    missing = [line for line in markdown().splitlines() if line not in README.read_text()]
    assert not missing, "settings that README lacks: paste `aicompare settings --markdown`"


def commands(group: click.Group, context: click.Context) -> Iterator[click.Command]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        yield command
        if isinstance(command, click.Group):
            yield from commands(command, context)


def test_commands() -> None:
    for command in commands(cli, click.Context(cli)):
        assert command.help, f"the command {command.name} has no help: write its docstring"
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"{command.name} {option.name} has no help"
