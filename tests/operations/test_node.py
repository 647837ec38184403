"""What a node runs, decided from settings; and what is refused before anything starts."""

from __future__ import annotations

import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from service.operations.node import Address, Node, plan
from service.settings import InvalidSettings, Settings

HOSTS = {
    "fly-local-6pn": "fdaa:0:1:a7b:2::2",
    "fra.internal": "fdaa:0:1:a7b:1::2",
    "localhost": "127.0.0.1",
    "public.example": "203.0.113.9",
}


def addresses(host: str) -> list[Address]:
    try:
        return [ip_address(HOSTS.get(host, host))]
    except ValueError:
        return []


@pytest.fixture
def key(tmp_path: Path) -> str:
    (tmp_path / "key.pem").write_text("a public key")
    return str(tmp_path / "key.pem")


def planned(environment: dict[str, str] | None = None, **settings: Any) -> Node:
    given: dict[str, Any] = {
        "database_url": "http://127.0.0.1:8081",
        "libsql_server": sys.executable,
        "libsql_folder": "/data/libsql",
    }
    return plan(Settings(**given | settings), environment or {}, addresses)


def refused(**settings: Any) -> str:
    with pytest.raises(InvalidSettings) as caught:
        planned(**settings)
    return caught.value.message


COMMON = (
    *(sys.executable, "--no-welcome", "--db-path", "/data/libsql", "--shutdown-timeout", "4"),
    "--http-listen-addr",
)
FLY = {
    "primary_region": "fra",
    "database_url": "http://fly-local-6pn:8081",
    "primary_database_url": "http://fra.internal:8081",
    "libsql_grpc_listen": "fly-local-6pn:5001",
    "libsql_primary_url": "http://fra.internal:5001",
}


def test_one_machine() -> None:
    node = planned()
    assert node.primary
    assert node.server == (*COMMON, "127.0.0.1:8081")


def test_the_primary(key: str) -> None:
    url = {"AICOMPARE_PRIMARY_DATABASE_URL": "http://fra.internal:8081"}
    node = planned(url, region="fra", libsql_key_file=key, **FLY)
    assert node.primary
    assert node.server == (
        *(*COMMON, "[fdaa:0:1:a7b:2::2]:8081", "--auth-jwt-key-file", key),
        *("--grpc-listen-addr", "[fdaa:0:1:a7b:2::2]:5001"),
    )
    # It writes to its own server, without asking where the primary region is.
    assert node.service_environment["AICOMPARE_PRIMARY_DATABASE_URL"] == FLY["database_url"]


def test_a_replica(key: str) -> None:
    url = {"AICOMPARE_PRIMARY_DATABASE_URL": "http://fra.internal:8081"}
    node = planned(url, region="nrt", libsql_key_file=key, **FLY)
    assert not node.primary
    assert node.server == (
        *(*COMMON, "[fdaa:0:1:a7b:2::2]:8081", "--auth-jwt-key-file", key),
        *("--primary-grpc-url", "http://fra.internal:5001"),
    )
    assert node.service_environment == url


@pytest.mark.parametrize(("region", "prefix"), [("fra", "--grpc"), ("nrt", "--primary-grpc")])
def test_mutual_tls_allows_public_addresses(tmp_path: Path, region: str, prefix: str) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).touch()
    node = planned(
        region=region,
        primary_region="fra",
        libsql_tls_folder=str(tmp_path),
        libsql_grpc_listen="0.0.0.0:5001",
        libsql_primary_url="https://public.example:5001",
    )
    assert node.server[-7:] == (
        f"{prefix}-tls",
        *(f"{prefix}-cert-file", f"{tmp_path}/cert.pem"),
        *(f"{prefix}-key-file", f"{tmp_path}/key.pem"),
        *(f"{prefix}-ca-cert-file", f"{tmp_path}/ca.pem"),
    )


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "localhost", "10.1.2.3", "172.16.0.1", "192.168.1.1", "[fdaa::3]", "[::1]"],
)
def test_private_addresses(address: str) -> None:
    node = planned(libsql_grpc_listen=f"{address}:5001")
    assert node.server[-2] == "--grpc-listen-addr"


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "[::]", "203.0.113.9", "172.32.0.1", "[2001:db8::1]", "public.example"]
)
def test_nobody_gets_around_the_tokens(address: str) -> None:
    assert "is not a private address" in refused(libsql_grpc_listen=f"{address}:5001")


def test_secrets_stay_with_the_service() -> None:
    node = planned({"AICOMPARE_TOKEN": "s", "SQLD_HTTP_AUTH": "basic:eDp5", "PATH": "/bin"})
    assert node.server_environment == {"PATH": "/bin", "RUST_LOG": "warn"}
    assert node.service_environment["AICOMPARE_TOKEN"] == "s"


def test_the_primary_alone_ships_its_log(key: str) -> None:
    bucket = {
        "LIBSQL_BOTTOMLESS_BUCKET": "backups",
        "LIBSQL_BOTTOMLESS_AWS_ACCESS_KEY_ID": "its own",
    }
    backups = {"backup_s3_key_id": "id", "backup_s3_secret": "s", "backup_s3_endpoint": "http://s3"}
    for region, ships in (("fra", True), ("nrt", False)):
        node = planned(bucket, region=region, libsql_key_file=key, **FLY, **backups)
        assert ("--enable-bottomless-replication" in node.server) is ships
    primary = planned(bucket, region="fra", libsql_key_file=key, **FLY, **backups)
    assert primary.server_environment == {
        "RUST_LOG": "warn",
        "LIBSQL_BOTTOMLESS_BUCKET": "backups",
        "LIBSQL_BOTTOMLESS_AWS_ACCESS_KEY_ID": "its own",
        "LIBSQL_BOTTOMLESS_AWS_SECRET_ACCESS_KEY": "s",
        "LIBSQL_BOTTOMLESS_AWS_DEFAULT_REGION": "us-east-1",
        "LIBSQL_BOTTOMLESS_ENDPOINT": "http://s3",
    }
    with pytest.raises(InvalidSettings, match="SECRET_ACCESS_KEY nor AICOMPARE_BACKUP_S3_SECRET"):
        planned(bucket, region="fra", libsql_key_file=key, **FLY)


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    message = refused(
        database_url="file:aicompare.db",
        primary_region="fra",
        libsql_server="no-such-program",
        libsql_tls_folder=str(tmp_path),
        libsql_primary_url="http://fra.internal:5001",
    )
    for words in (
        "AICOMPARE_DATABASE_URL must be http://HOST:PORT",
        "AICOMPARE_LIBSQL_SERVER: there is no program no-such-program",
        "AICOMPARE_PRIMARY_REGION is set without AICOMPARE_REGION",
        "AICOMPARE_LIBSQL_PRIMARY_URL must be https://HOST:PORT with AICOMPARE_LIBSQL_TLS_FOLDER",
        f"{tmp_path}/cert.pem cannot be read",
    ):
        assert words in message


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"database_url": "http://0.0.0.0:8081"}, "0.0.0.0 is not an address of this machine"),
        ({"database_url": "http://nowhere.example:8081"}, "is not an address of this machine"),
        ({"database_url": "http://10.0.0.1:8081"}, "LIBSQL_KEY_FILE is needed"),
        ({"libsql_key_file": "/no/such.pem"}, "/no/such.pem cannot be read"),
        ({"region": "fra", "primary_region": "fra"}, "LIBSQL_GRPC_LISTEN is needed"),
        ({"libsql_grpc_listen": "5001"}, "must be HOST:PORT"),
        ({"region": "nrt", "primary_region": "fra"}, "must be http://HOST:PORT without"),
        (
            {
                "region": "nrt",
                "primary_region": "fra",
                "libsql_primary_url": "http://public.example:5001",
            },
            "public.example is not in a private network",
        ),
    ],
)
def test_refused(settings: dict[str, Any], words: str) -> None:
    assert words in refused(**settings)
