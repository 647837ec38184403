"""Nothing is there that is not documented: no route, no setting, no command."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import cast

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

ROOT = Path(__file__).parent.parent
PAPERS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
DOCUMENTED = "\n".join(paper.read_text() for paper in PAPERS)


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
    assert f"| `{page.path}` | {page.summary} |" in DOCUMENTED


@pytest.mark.parametrize(
    "page", [page for page in ADMIN if page.method == "GET"], ids=lambda one: one.path
)
def test_admin_pages(page: AdminPage) -> None:
    if page.path not in ("/admin/row", "/admin/edit"):  # parts of pages
        assert f"| `{page.path}` | {page.summary} |" in DOCUMENTED


@pytest.mark.parametrize("row", list(describe()), ids=lambda row: row.variable)
def test_settings(row: object) -> None:
    help = getattr(row, "help", "")
    assert help.endswith("."), "a setting without help: add it in service/settings/"


def test_settings_are_listed() -> None:
    assert markdown() in DOCUMENTED, "docs/settings.md: paste `aicompare settings --markdown`"


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


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_links_lead_somewhere(paper: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", paper.read_text())
    missing = [link for link in links if "://" not in link and not (paper.parent / link).exists()]
    assert not missing


def shown() -> Iterator[str]:
    """The commands in the documentation's shell blocks, without what the shell does itself."""
    for block in re.findall(r"```sh\n(.*?)```", DOCUMENTED, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            found = re.findall(r"\baicompare ([a-z][^)|;#]*)", line.partition("  #")[0])
            yield from (" ".join(one.split()) for one in found)


@pytest.mark.parametrize("line", sorted(set(shown())))
def test_commands_are_called_as_they_are(line: str) -> None:
    words, command = shlex.split(line), cast("click.Command", cli)
    context = click.Context(command)
    while isinstance(command, click.Group):
        name = words.pop(0)
        known = command.get_command(context, name)
        assert known, f"there is no command {name}"
        command, context = known, click.Context(known, context, name)
    _, left, _ = command.make_parser(context).parse_args(words)
    assert not left


@pytest.mark.parametrize("target", sorted(set(re.findall(r"^make ([a-z-]+)", DOCUMENTED, re.M))))
def test_targets_are_made(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
