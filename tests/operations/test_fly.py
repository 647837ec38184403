"""`fly.toml`: no field that Fly does not have, no value that the service does not bear out."""

from __future__ import annotations

import re
import shlex
import tomllib
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import click
import msgspec
import pytest
from msgspec import Struct

from service.cli import cli
from service.commands.serve import STOP_SECONDS
from service.http.elsewhere import Elsewhere
from service.http.limits import within
from service.http.routes import ENDPOINTS
from service.operations.node import SERVER_STOPS, SERVICE_STOPS, plan
from service.settings import Settings, networks
from tests.engines import ROOT


class Build(Struct, forbid_unknown_fields=True):
    dockerfile: str


class Deploy(Struct, forbid_unknown_fields=True):
    strategy: Literal["rolling", "immediate", "canary", "bluegreen"]
    release_command: str
    release_command_timeout: str


class File(Struct, forbid_unknown_fields=True):
    guest_path: str
    secret_name: str


class Mount(Struct, forbid_unknown_fields=True):
    source: str
    destination: str
    processes: list[str]
    initial_size: str
    auto_extend_size_threshold: int
    auto_extend_size_increment: str
    auto_extend_size_limit: str
    snapshot_retention: int


class Concurrency(Struct, forbid_unknown_fields=True):
    type: Literal["requests", "connections"]
    soft_limit: int
    hard_limit: int


class Check(Struct, forbid_unknown_fields=True):
    method: str
    path: str
    interval: str
    timeout: str
    grace_period: str


class HttpService(Struct, forbid_unknown_fields=True):
    internal_port: int
    processes: list[str]
    force_https: bool
    auto_stop_machines: Literal["off", "stop", "suspend"]
    auto_start_machines: bool
    min_machines_running: int
    concurrency: Concurrency
    checks: list[Check]


class Metrics(Struct, forbid_unknown_fields=True):
    port: int
    path: str


class Vm(Struct, forbid_unknown_fields=True):
    size: str
    memory: str
    processes: list[str]


class Fly(Struct, forbid_unknown_fields=True):
    app: str
    primary_region: str
    kill_signal: str
    kill_timeout: str
    build: Build
    env: dict[str, str]
    files: list[File]
    deploy: Deploy
    processes: dict[str, str]
    mounts: list[Mount]
    http_service: HttpService
    metrics: Metrics
    vm: list[Vm]


@pytest.fixture(scope="module")
def fly() -> Fly:
    return msgspec.convert(tomllib.loads((ROOT / "fly.toml").read_text()), Fly)


def seconds(text: str) -> int:
    match = re.fullmatch(r"(\d+)(s|m)", text)
    assert match, text
    return int(match[1]) * {"s": 1, "m": 60}[match[2]]


def parameters(line: str) -> dict[str, object]:
    """The parameters of a command line, parsed by the command itself."""
    program, *words = shlex.split(line)
    assert program == "aicompare"
    context = click.Context(cli)
    command: click.Command | None = cli
    while isinstance(command, click.Group):
        command = command.get_command(context, words.pop(0))
    assert command
    return command.make_context(command.name, words, parent=context).params


def settings(fly: Fly, region: str, **secrets: str) -> Settings:
    """What a machine reads from its environment; fails at a variable that nobody knows."""
    platform = {"FLY_REGION": region, "FLY_APP_NAME": fly.app}
    return Settings.from_environment(fly.env | platform | secrets)


SECRETS = {
    "AICOMPARE_DATABASE_TOKEN": "reader",
    "AICOMPARE_PRIMARY_DATABASE_TOKEN": "writer",
    "AICOMPARE_BOOTSTRAP_TOKEN": "x" * 32,
}


def test_no_secret_is_in_the_file(fly: Fly) -> None:
    assert not [name for name in fly.env if "TOKEN" in name or "PASSWORD" in name]


def test_clients_are_told_apart_by_what_the_proxy_says(fly: Fly) -> None:
    made = settings(fly, fly.primary_region, **SECRETS)
    assert made.client_address_header == "fly-client-ip"
    for proxy in ("172.16.3.2", "fdaa:0:1::3"):
        assert within(proxy, networks(made.trusted_proxies))
    assert not within("203.0.113.9", networks(made.trusted_proxies))
    assert made.rate_limit_reads > made.rate_limit_writes > 0


def test_the_image(fly: Fly) -> None:
    assert (ROOT / fly.build.dockerfile).is_file()


def test_every_command_exists(fly: Fly) -> None:
    assert parameters(fly.deploy.release_command)["wait"]
    for line in fly.processes.values():
        parameters(line)
    names = set(fly.processes)
    for used in (*fly.mounts, fly.http_service, *fly.vm):
        assert set(used.processes) == names


def test_ports_and_paths_are_the_service_s(fly: Fly) -> None:
    given = parameters(fly.processes["app"])
    assert given["host"] == "0.0.0.0"
    assert given["port"] == fly.http_service.internal_port == fly.metrics.port
    paths = {one.path for one in ENDPOINTS}
    [check] = fly.http_service.checks
    assert (check.method, check.path) == ("GET", "/health/ready")
    assert {check.path, fly.metrics.path} <= paths
    # A database that does not answer is told before the check gives up.
    assert seconds(check.timeout) > settings(fly, "fra", **SECRETS).database_deadline
    assert seconds(check.grace_period) >= float(str(given["wait"])), "a replica loads first"


def test_the_server_can_be_both(fly: Fly, tmp_path: Path) -> None:
    """The plan of either role from this environment, on Fly's private network."""
    key = tmp_path / "key.pem"
    key.touch()
    private = {
        "fly-local-6pn": [ip_address("fdaa:0:1::3")],
        f"{fly.primary_region}.{fly.app}.internal": [ip_address("fdaa:0:1::2")],
    }
    for region in (fly.primary_region, "nrt"):
        made = settings(fly, region, **SECRETS)
        assert made.in_primary_region is (region == fly.primary_region)
        environment = fly.env | {"AICOMPARE_LIBSQL_KEY_FILE": str(key)}
        read = Settings.from_environment(
            environment | SECRETS | {"FLY_REGION": region, "AICOMPARE_LIBSQL_SERVER": "sh"}
        )
        node = plan(read, {"PATH": "/bin:/usr/bin"}, lambda host: list(private[host]))
        assert node.primary is made.in_primary_region
        assert (Elsewhere.of(made) is None) is node.primary


def test_replicas_find_the_primary(fly: Fly) -> None:
    made = settings(fly, "nrt", **SECRETS)
    assert fly.env["PRIMARY_REGION"] == fly.primary_region == made.primary_region
    assert made.primary_database_url
    assert made.libsql_primary_url
    assert made.libsql_grpc_listen
    database, primary = urlsplit(made.database_url), urlsplit(made.primary_database_url)
    follow = urlsplit(made.libsql_primary_url)
    internal = f"{fly.primary_region}.{fly.app}.internal"
    assert (primary.hostname, follow.hostname) == (internal, internal)
    assert primary.port == database.port
    assert made.libsql_grpc_listen == f"{database.hostname}:{follow.port}"
    assert database.hostname == "fly-local-6pn", "Fly's name for the machine's private address"
    ports = {database.port, follow.port, fly.http_service.internal_port}
    assert len(ports) == 3


def test_limits_are_for_clients_rather_than_for_the_proxy(fly: Fly) -> None:
    made = settings(fly, "fra", **SECRETS)
    assert made.client_address_header == "fly-client-ip"
    trusted = networks(made.trusted_proxies)
    assert all(network.is_private for network in trusted)
    assert any(ip_address("fdaa:0:1::3") in network for network in trusted)


def test_what_is_kept_is_on_the_volume(fly: Fly) -> None:
    [mount] = fly.mounts
    made = settings(fly, "fra", **SECRETS)
    assert made.libsql_folder.startswith(f"{mount.destination}/")
    assert [one.guest_path for one in fly.files] == [made.libsql_key_file]
    assert mount.snapshot_retention >= 30


def test_a_stop_has_the_time_it_needs(fly: Fly) -> None:
    assert fly.kill_signal == "SIGTERM"
    assert STOP_SECONDS < SERVICE_STOPS
    assert seconds(fly.kill_timeout) > SERVICE_STOPS + SERVER_STOPS
    assert seconds(fly.deploy.release_command_timeout) <= 600


def test_regions_scale_down_and_the_primary_stays(fly: Fly) -> None:
    service = fly.http_service
    assert service.auto_start_machines
    assert service.auto_stop_machines == "stop"
    assert service.min_machines_running == 1, "counts in the primary region alone"
    assert service.concurrency.soft_limit < service.concurrency.hard_limit
    assert service.concurrency.type == "requests"
