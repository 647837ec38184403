"""What runs in one machine of a region, decided from the settings before anything starts.

The libSQL server runs beside the service: as the primary in the primary region, elsewhere as a
replica that follows it. What would be unsafe or cannot work is refused here, all of it at once.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from service.settings import PREFIX, InvalidSettings, Settings

# Seconds that a stop may take: of the service, which answers what is under way, then of the server.
SERVICE_STOPS: Final = 22
SERVER_STOPS: Final = 5
# Seconds after its start in which the server may miss a signal: about the first tenth of one here.
SERVER_DEAF: Final = 1.0

Address = IPv4Address | IPv6Address
# Loopback, RFC 1918, and the unique local addresses, Fly's private network (fdaa::/8) among them.
_LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_PRIVATE: Final = (
    *_LOOPBACK,
    *(ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")),
)
# What the libSQL server has to know to ship its log, and the settings that have it for backups.
_KEYS: Final = {
    "LIBSQL_BOTTOMLESS_AWS_ACCESS_KEY_ID": "BACKUP_S3_KEY_ID",
    "LIBSQL_BOTTOMLESS_AWS_SECRET_ACCESS_KEY": "BACKUP_S3_SECRET",
}
_TLS_FILES: Final = ("cert.pem", "key.pem", "ca.pem")


@dataclass(frozen=True, slots=True)
class Node:
    """The command line of the libSQL server, its role, and variables for the service beside it.

    The server works in `folder`, where it keeps what S3 has yet to take, and is asked at `url`.
    """

    primary: bool
    folder: Path
    url: str
    token: str | None
    server: tuple[str, ...]
    server_environment: Mapping[str, str]
    service_environment: Mapping[str, str]


def resolve(host: str) -> list[Address]:
    """The addresses of a host; none where it is not known."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [ip_address(str(address[0]).partition("%")[0]) for *_, address in found]


def plan(
    settings: Settings,
    environment: Mapping[str, str],
    addresses: Callable[[str], list[Address]] = resolve,
) -> Node:
    """What to run. Raises `InvalidSettings` with every reason why it cannot be."""
    problems: list[str] = []
    folder = Path(settings.libsql_folder).absolute()
    found = shutil.which(settings.libsql_server, path=environment.get("PATH"))
    server = [os.path.abspath(found or settings.libsql_server), "--no-welcome"]
    server += ["--db-path", str(folder)]
    server += ["--shutdown-timeout", str(SERVER_STOPS - 1)]
    if found is None:
        problems.append(f"{PREFIX}LIBSQL_SERVER: there is no program {settings.libsql_server}")
    if settings.primary_region and not settings.region:
        problems.append(f"{PREFIX}PRIMARY_REGION is set without {PREFIX}REGION")
    problems += _listening(settings, server, addresses)
    if settings.libsql_tls_folder:
        paths = [os.path.join(settings.libsql_tls_folder, name) for name in _TLS_FILES]
        problems += [f"{path} cannot be read" for path in paths if not os.access(path, os.R_OK)]
    if settings.in_primary_region:
        problems += _leading(settings, server, addresses)
    else:
        problems += _following(settings, server, addresses)
    shipping: dict[str, str] = {}
    if settings.in_primary_region and environment.get("LIBSQL_BOTTOMLESS_BUCKET"):
        server.append("--enable-bottomless-replication")
        shipping = _shipping(settings, environment)
        problems += [
            f"LIBSQL_BOTTOMLESS_BUCKET is set, and neither {name} nor {PREFIX}{_KEYS[name]} is"
            for name in _KEYS
            if not shipping[name]
        ]
    if problems:
        raise InvalidSettings("settings: " + "; ".join(problems))
    # The service's secrets are none of the server's business. Basic authentication beside tokens
    # would quietly turn these off.
    inherited = {
        name: value
        for name, value in environment.items()
        if not name.startswith(PREFIX) and name != "SQLD_HTTP_AUTH"
    }
    service = dict(environment)
    if settings.in_primary_region and settings.primary_database_url:
        # The same server: reached without asking a name service, which may not know it yet.
        service[f"{PREFIX}PRIMARY_DATABASE_URL"] = settings.database_url
        service.pop(f"{PREFIX}PRIMARY_DATABASE_URL_FILE", None)
    return Node(
        settings.in_primary_region,
        folder,
        settings.database_url,
        settings.database_token,
        tuple(server),
        {"RUST_LOG": "warn"} | inherited | shipping,
        service,
    )


def _shipping(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """What the primary has to know to ship its log to S3: its own variables, else the backups'."""
    backups = {
        "LIBSQL_BOTTOMLESS_AWS_DEFAULT_REGION": settings.backup_s3_region,
        "LIBSQL_BOTTOMLESS_AWS_ACCESS_KEY_ID": settings.backup_s3_key_id or "",
        "LIBSQL_BOTTOMLESS_AWS_SECRET_ACCESS_KEY": settings.backup_s3_secret or "",
    }
    if settings.backup_s3_endpoint:
        backups["LIBSQL_BOTTOMLESS_ENDPOINT"] = settings.backup_s3_endpoint
    return {name: environment.get(name) or value for name, value in backups.items()}


def _listening(
    settings: Settings, server: list[str], addresses: Callable[[str], list[Address]]
) -> Iterator[str]:
    """The server listens where the service reads."""
    name, url = f"{PREFIX}DATABASE_URL", urlsplit(settings.database_url)
    if url.scheme != "http" or not url.hostname or not url.port:
        yield f"{name} must be http://HOST:PORT, at which the libSQL server of this machine listens"
        return
    found = addresses(url.hostname)
    if not found or found[0].is_unspecified:
        yield f"{name}: {url.hostname} is not an address of this machine"
        return
    server += ["--http-listen-addr", _shown(found[0], url.port)]
    if settings.libsql_key_file:
        server += ["--auth-jwt-key-file", os.path.abspath(settings.libsql_key_file)]
        if not os.access(settings.libsql_key_file, os.R_OK):
            yield f"{PREFIX}LIBSQL_KEY_FILE: {settings.libsql_key_file} cannot be read"
    elif not _within(found[:1], _LOOPBACK):
        yield f"{PREFIX}LIBSQL_KEY_FILE is needed, since {url.hostname} is reached by others too"


def _leading(
    settings: Settings, server: list[str], addresses: Callable[[str], list[Address]]
) -> Iterator[str]:
    """The primary can be followed, by whoever gets through to it: no tokens are asked for there."""
    name, listen = f"{PREFIX}LIBSQL_GRPC_LISTEN", settings.libsql_grpc_listen
    if listen is None:
        if settings.primary_region:
            yield f"{name} is needed: replicas follow the primary there"
        return
    host, _, port = listen.rpartition(":")
    found = addresses(host.strip("[]"))
    if not found or not port.isdecimal():
        yield f"{name} must be HOST:PORT of this machine, not {listen}"
        return
    if not settings.libsql_tls_folder and not _within(found[:1], _PRIVATE):
        yield (
            f"{name}: {found[0]} is not a private address, and who reaches it reads and writes "
            f"everything: choose one, or set {PREFIX}LIBSQL_TLS_FOLDER"
        )
    server += ["--grpc-listen-addr", _shown(found[0], int(port)), *_tls(settings, "--grpc")]


def _following(
    settings: Settings, server: list[str], addresses: Callable[[str], list[Address]]
) -> Iterator[str]:
    name, scheme = f"{PREFIX}LIBSQL_PRIMARY_URL", "https" if settings.libsql_tls_folder else "http"
    url = urlsplit(settings.libsql_primary_url or "")
    if url.scheme != scheme or not url.hostname or not url.port:
        tls = "with" if settings.libsql_tls_folder else "without"
        yield f"{name} must be {scheme}://HOST:PORT {tls} {PREFIX}LIBSQL_TLS_FOLDER"
        return
    if scheme == "http" and not _within(addresses(url.hostname), _PRIVATE):
        yield (
            f"{name}: {url.hostname} is not in a private network, and what is sent there can be "
            f"read and altered on the way: set {PREFIX}LIBSQL_TLS_FOLDER"
        )
    server += ["--primary-grpc-url", url.geturl(), *_tls(settings, "--primary-grpc")]


def _tls(settings: Settings, prefix: str) -> list[str]:
    if not settings.libsql_tls_folder:
        return []
    folder = os.path.abspath(settings.libsql_tls_folder)
    return [
        f"{prefix}-tls",
        *(f"{prefix}-cert-file", os.path.join(folder, "cert.pem")),
        *(f"{prefix}-key-file", os.path.join(folder, "key.pem")),
        *(f"{prefix}-ca-cert-file", os.path.join(folder, "ca.pem")),
    ]


def _within(found: list[Address], networks: tuple[object, ...]) -> bool:
    """Whether all addresses are in one of the networks; a host that is not known yet may be."""
    return all(any(address in network for network in networks) for address in found)  # type: ignore[operator]


def _shown(address: Address, port: int) -> str:
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
