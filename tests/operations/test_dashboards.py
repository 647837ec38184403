"""Dashboards and alerts speak of figures that exist, in expressions that Prometheus reads."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.http.client import make_app, make_catalogue, running

pytestmark = pytest.mark.anyio

FOLDER = Path(__file__).parents[2] / "service" / "operations"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "grafana.json").read_text())
EXPRESSIONS = [
    *(pytest.param(rule["expr"], id=rule["alert"]) for rule in RULES),
    *(
        pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
    ),
]
# What Prometheus itself adds to every target.
TARGET = {"job", "instance"}


@pytest.fixture(scope="module")
async def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The labels of every sample of a service that was used, and of one without a database.

    One without Litestream has no figure of it, and so sets off no alert.
    """
    folder = tmp_path_factory.mktemp("dashboards")
    found: dict[str, set[str]] = {"up": set()}
    url = await asyncio.to_thread(make_catalogue, folder / "catalogue.db")
    for one, follower in ((url, None), (f"file:{folder / 'none.db'}", str(folder / "none"))):
        async with running(make_app(one, litestream_socket=follower)) as client:
            await client.get("/v1/models")
            text = (await client.get("/metrics")).text
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
    return found


def selectors(expression: Any) -> Iterator[Any]:
    """All of an expression's selectors of series."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
        return
    for name in ("lhs", "rhs", "expr", "vector_selector", "param"):
        part = getattr(expression, name, None)
        if isinstance(part, promql_parser.Expr):
            yield from selectors(part)
    for argument in getattr(expression, "args", None) or ():
        yield from selectors(argument)


def parsed(expression: str) -> Any:
    return promql_parser.parse(re.sub(r"\$__rate_interval", "5m", expression))


@pytest.mark.parametrize("expression", EXPRESSIONS)
async def test_every_figure_exists(figures: dict[str, set[str]], expression: str) -> None:
    found = list(selectors(parsed(expression)))
    assert found, "an expression without a figure"
    for selector in found:
        assert selector.name in figures, f"/metrics has no {selector.name}"
        labels = {one.name for one in selector.matchers.matchers}
        assert labels <= figures[selector.name] | TARGET


@pytest.mark.parametrize("expression", EXPRESSIONS)
async def test_what_is_grouped_by_is_there(figures: dict[str, set[str]], expression: str) -> None:
    labels = {
        name.strip()
        for names in re.findall(r"by \(([^)]*)\)", expression)
        for name in names.split(",")
    }
    known = set().union(*(figures[one.name] for one in selectors(parsed(expression))))
    assert labels <= known | TARGET


def test_the_checks_would_notice(figures: dict[str, set[str]]) -> None:
    names = [
        one.name for one in selectors(parsed("rate(a_total[5m]) / on (x) max(b) > c offset 1h"))
    ]
    assert names == ["a_total", "b", "c"]
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        parsed("sum by (route (rate(a[5m]))")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert set(rule["annotations"]) == {"summary", "description"}
    assert re.fullmatch(r"\d+[mh]", rule.get("for", "0m"))


def test_panels_do_not_overlap_and_have_names() -> None:
    places: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        assert panel["title"]
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & places, panel["title"]
        places |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


async def test_no_figure_is_forgotten(figures: dict[str, set[str]]) -> None:
    """Whatever the service tells is shown or watched somewhere."""
    used = {
        re.sub(r"_(bucket|count|sum)$", "", one.name)
        for expression in (*(r["expr"] for r in RULES), *(
            target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]
        ))
        for one in selectors(parsed(expression))
    }  # fmt: skip
    told = {re.sub(r"_(bucket|count|sum)$", "", name) for name in figures}
    plain = {"aicompare_build_info", "aicompare_webhooks", "aicompare_backup_size_bytes"}
    plain |= {"process_open_fds", "process_start_time_seconds"}
    plain |= {"aicompare_last_change_timestamp_seconds"}
    assert told - used == plain
