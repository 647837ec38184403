"""Settings: one frozen value from the environment, read once at the start and passed in.

Each setting is the variable `AICOMPARE_<NAME>`; an empty one counts as not set. Whatever is wrong
with the environment is told at once, in one message.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from service.errors import ServiceError

PREFIX: Final = "AICOMPARE_"
Network = IPv4Network | IPv6Network
AccessLog = Literal["off", "misses", "all"]
LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
ClientHeader = Literal["x-forwarded-for", "fly-client-ip"]
WebhookTargets = Literal["public", "any"]


class InvalidSettings(ServiceError):
    """The environment cannot be used as it is; the message holds every reason."""


def _setting(
    default: Any,
    help: str,
    *,
    secret: bool = False,
    file: bool = False,
    also: str | None = None,
    least: float | None = None,
) -> Any:
    """A setting: `also` is the platform's own variable for it, `least` its smallest value.

    A secret one may come from a file as well, which `AICOMPARE_<NAME>_FILE` names.
    """
    metadata = {
        "help": help,
        "secret": secret,
        "file": file or secret,
        "also": also,
        "least": least,
    }
    return dataclasses.field(default=default, metadata=metadata, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings; `repr` hides the secret ones."""

    database_url: str = _setting(
        "file:aicompare.db",
        "Database to read from: `file:NAME.db`, `libsql://…`, `http(s)://…` or `postgresql://…`.",
        file=True,
    )
    database_token: str | None = _setting(
        None, "Token for the libSQL server to read from; may be a read-only one.", secret=True
    )
    primary_database_url: str | None = _setting(
        None, "Database to write to, where it is not the one to read from.", file=True
    )
    primary_database_token: str | None = _setting(
        None, "Token for the libSQL server to write to.", secret=True
    )
    region: str | None = _setting(
        None, "Name of the region this process runs in.", also="FLY_REGION"
    )
    primary_region: str | None = _setting(
        None, "Name of the region that writes.", also="PRIMARY_REGION"
    )
    primary_url: str | None = _setting(
        None, "Public URL of the service that writes, for sending writes on to it."
    )
    fly_app: str | None = _setting(
        None, "Name of the app on Fly, whose proxy replays writes elsewhere.", also="FLY_APP_NAME"
    )
    libsql_server: str = _setting(
        "sqld", "Program of the libSQL server that `aicompare node` runs beside the service."
    )
    libsql_folder: str = _setting("libsql", "Folder in which that server keeps its data.")
    libsql_key_file: str | None = _setting(
        None,
        "File with the public key of the tokens that it accepts; without one it asks for none.",
    )
    libsql_grpc_listen: str | None = _setting(
        None,
        "`HOST:PORT` at which the primary's is followed: a private address, or any with TLS.",
    )
    libsql_primary_url: str | None = _setting(
        None, "URL at which a replica follows the primary's: `http://HOST:PORT`, https with TLS."
    )
    libsql_tls_folder: str | None = _setting(
        None,
        "Folder with `ca.pem`, `cert.pem` (for the name `sqld`) and `key.pem`: mutual TLS between "
        "primary and replicas.",
    )
    database_deadline: float = _setting(
        5.0, "Seconds that a call to the database may take, waiting included.", least=0.001
    )
    database_write_deadline: float = _setting(
        60.0, "Seconds that a write may take, waiting for other writers included.", least=0.001
    )
    bootstrap_token: str | None = _setting(
        None, "A token of scope admin for a first start, of 32 characters or more.", secret=True
    )
    token: str | None = _setting(None, "Token that `aicompare ingest --to` sends.", secret=True)
    session_hours: float = _setting(
        12.0, "Hours until an admin has to sign in to the admin pages again.", least=0.001
    )
    held_price_factor: int = _setting(
        10, "Prices that differ from the current one by more are held; 0 holds none.", least=0
    )
    run_timeout: float = _setting(
        3600.0, "Seconds without a batch until an open run is closed as failed.", least=1
    )
    database_pool_size: int = _setting(4, "Connections to a database per process.", least=1)
    cache_entries: int = _setting(10_000, "Answers that a process keeps at most.", least=0)
    cache_bytes: int = _setting(
        67_108_864, "Bytes that a process keeps of answers at most.", least=0
    )
    cache_list_seconds: float = _setting(3600.0, "Seconds that a list is kept.", least=0)
    cache_detail_seconds: float = _setting(900.0, "Seconds that one model is kept.", least=0)
    cache_prices_seconds: float = _setting(
        86_400.0, "Seconds that prices and scores are kept.", least=0
    )
    watch_interval: float = _setting(
        0.25, "Seconds between two looks for changes that others wrote.", least=0.01
    )
    min_revision_wait: float = _setting(
        1.0, "Seconds that a reader waits for the revision it asks for.", least=0
    )
    stream_limit: int = _setting(
        200, "Streams of changes that a process serves at once; 0 for none.", least=0
    )
    stream_heartbeat: float = _setting(
        15.0, "Seconds without a change until a stream shows that it is alive.", least=0.01
    )
    webhook_targets: WebhookTargets = _setting(  # noqa: RUF009
        "public",
        "Where webhooks may go: `public` addresses by https, or `any` address, by http as well.",
    )
    webhook_deadline: float = _setting(
        10.0, "Seconds that the receiver of a webhook may take to answer.", least=0.01
    )
    webhook_pause_days: float = _setting(
        3.0, "Days of nothing but failures until a webhook is paused.", least=0
    )
    rate_limit_reads: float = _setting(
        0.0, "Reads a second that a process takes of one client; 0 for any number.", least=0
    )
    rate_limit_writes: float = _setting(
        0.0, "Writes a second that a process takes of one client; 0 for any number.", least=0
    )
    rate_limit_failures: float = _setting(
        5.0,
        "Refused tokens a second until a process takes no more of one client; 0 for any number.",
        least=0,
    )
    rate_limit_burst_seconds: float = _setting(
        10.0, "Seconds' worth of its limits that a client may use up at once.", least=0
    )
    trusted_proxies: str | None = _setting(
        None,
        "Addresses and networks, with commas, of proxies that may say who the client is; "
        "of others the client is who connects.",
    )
    client_address_header: ClientHeader = _setting(  # noqa: RUF009
        "x-forwarded-for", "Header in which a trusted proxy says who the client is."
    )
    request_deadline: float = _setting(
        120.0, "Seconds until an answer must have begun.", least=0.01
    )
    body_deadline: float = _setting(
        30.0, "Seconds in which the body of a request must arrive.", least=0.01
    )
    max_headers: int = _setting(64, "Headers that a request may have.", least=16)
    max_header_bytes: int = _setting(
        16_384, "Bytes that the headers of a request may have.", least=1024
    )
    backup_to: str | None = _setting(
        None,
        "Where backups go: a folder, or `s3://BUCKET/PREFIX`. Set, the primary makes them itself.",
    )
    backup_hours: float = _setting(
        24.0, "Hours between two backups that the service makes.", least=0.001
    )
    backup_days: float = _setting(30.0, "Days that backups are kept.", least=0.001)
    pg_dump: str | None = _setting(
        None, "Program whose dump of a Postgres comes along in each backup: `pg_dump`, or its path."
    )
    backup_s3_endpoint: str | None = _setting(
        None, "URL of a server that speaks S3, where it is not Amazon's."
    )
    backup_s3_region: str = _setting("us-east-1", "Region of the bucket.")
    backup_s3_key_id: str | None = _setting(None, "Key for the bucket.", also="AWS_ACCESS_KEY_ID")
    backup_s3_secret: str | None = _setting(
        None, "The secret of that key.", secret=True, also="AWS_SECRET_ACCESS_KEY"
    )
    max_query_bytes: int = _setting(8192, "Longest query string that is read.", least=256)
    max_body_bytes: int = _setting(8_388_608, "Largest request body that is read.", least=1024)
    metrics_folder: str | None = _setting(
        None,
        "Folder in which processes that serve one address tell each other their figures. "
        "`serve` with several workers makes one.",
    )
    slow_query_seconds: float = _setting(
        0.5,
        "Seconds from which a round trip to a database is logged with its plan; 0 for never.",
        least=0,
    )
    log_format: LogFormat = _setting(  # noqa: RUF009
        "text", "What log lines are: `text` for people, `json` for machines."
    )
    otlp_endpoint: str | None = _setting(
        None,
        "URL of an OpenTelemetry collector that traces are sent to: `http://HOST:4318`.",
        also="OTEL_EXPORTER_OTLP_ENDPOINT",
    )
    access_log: AccessLog = _setting(  # noqa: RUF009
        "misses",
        "Requests that are logged: none (`off`), those not answered from what is kept (`misses`), "
        "or `all`.",
    )
    log_level: LogLevel = _setting(  # noqa: RUF009
        "info", "Least severe messages that are logged."
    )

    @property
    def in_primary_region(self) -> bool:
        """Whether writes are made here; so it is where no region has a name."""
        return self.primary_region in (None, self.region)

    @property
    def reads_elsewhere(self) -> bool:
        """Whether the database to read from is another one than the one to write to."""
        write = self.primary_database_url
        return write is not None and _place(write) != _place(self.database_url)

    @property
    def writer_url(self) -> str:
        """The database to write to."""
        return self.primary_database_url or self.database_url

    @property
    def writer_token(self) -> str | None:
        """The token to write with."""
        return self.primary_database_token if self.primary_database_url else self.database_token

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{row.field}={row.shown}' for row in describe(self))})"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read all settings; raises `InvalidSettings` with every problem found."""
        problems: list[str] = []
        given: dict[str, Any] = {}
        for name in sorted(environment):
            if name.startswith(PREFIX) and name not in VARIABLES and name not in FILES:
                near = difflib.get_close_matches(name, [*VARIABLES, *FILES], 1)
                problems.append(
                    f"{name} is unknown" + (f": did you mean {near[0]}?" if near else "")
                )
        for variable, field in VARIABLES.items():
            also = field.metadata["also"]
            text = environment.get(variable) or (environment.get(also) if also else None)
            if path := environment.get(f"{variable}_FILE") if field.metadata["file"] else None:
                if text:
                    problems.append(f"{variable} and {variable}_FILE are both set: set one")
                    continue
                try:
                    text = _content(path)
                except ValueError as error:
                    problems.append(f"{variable}_FILE names {path}, which {error}")
            if text:
                try:
                    given[field.name] = _parse(_TYPES[field.name], text, field.metadata["least"])
                except ValueError as error:
                    problems.append(f"{variable} must be {error}")
        settings = cls(**given)
        problems += _contradictions(settings)
        if problems:
            raise InvalidSettings("settings: " + "; ".join(problems))
        return settings


VARIABLES: Final = {PREFIX + field.name.upper(): field for field in dataclasses.fields(Settings)}
# Characters that make a secret: without shorter ones log lines can still be read.
_SECRET: Final = 4
# A password in a URL: before its host, or as a parameter.
_PASSWORD: Final = re.compile(r"(?<=:)(?<!:/)[^/@:?]+(?=@)|(?i:(?<=token=)|(?<=password=))[^&]+")
# Variables that name a file with the value of a setting.
FILES: Final = {f"{name}_FILE" for name, field in VARIABLES.items() if field.metadata["file"]}
_TYPES: Final = typing.get_type_hints(Settings)


def environment(settings: Settings) -> dict[str, str]:
    """The variables that give another process the same settings, secrets among them."""
    given = ((name, getattr(settings, field.name)) for name, field in VARIABLES.items())
    found = {name: "" if value is None else str(value) for name, value in given}
    # What came from a file is given as it is.
    return found | dict.fromkeys(FILES, "")


class SettingRow(NamedTuple):
    """One line of the settings table; `shown` is the value without what is secret in it."""

    variable: str
    field: str
    type: str
    default: str
    help: str
    shown: str


def describe(settings: Settings | None = None) -> Iterator[SettingRow]:
    """The settings table, with the values of `settings`."""
    settings = settings or Settings()
    for variable, field in VARIABLES.items():
        value = getattr(settings, field.name)
        also = field.metadata["also"]
        yield SettingRow(
            variable=variable,
            field=field.name,
            type=_type_name(_TYPES[field.name]),
            default="" if field.default is None else str(field.default),
            help=field.metadata["help"]
            + (f" Else `{also}`." if also else "")
            + (" Or in a file: `…_FILE`." if field.metadata["file"] else ""),
            shown="***" if field.metadata["secret"] and value else repr(_without_password(value)),
        )


def markdown() -> str:
    """The settings table of docs/settings.md."""
    lines = ["| variable | type | default | |", "|---|---|---|---|"]
    for row in describe():
        default = f"`{row.default}`" if row.default else ""
        lines.append(f"| `{row.variable}` | {row.type} | {default} | {row.help} |")
    return "\n".join(lines)


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """What must never be shown, the longest first: secret settings, and passwords in URLs."""
    found: set[str] = set()
    for field in VARIABLES.values():
        value = getattr(settings, field.name)
        if not value or not field.metadata["file"]:
            continue
        if field.metadata["secret"]:
            found.add(value)
        else:
            found |= {unquote(one) for one in _PASSWORD.findall(value)}
            found |= set(_PASSWORD.findall(value))
    return tuple(sorted((one for one in found if len(one) >= _SECRET), key=lambda one: -len(one)))


def _content(path: str) -> str:
    """The text of a file, without the end of its line. Raises ValueError with what is wrong."""
    try:
        text = Path(path).read_text().rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError("is not text") from None
    if not text:
        raise ValueError("is empty")
    return text


def _without_password(value: Any) -> Any:
    if isinstance(value, str):
        return _PASSWORD.sub("***", value)
    return value


def _parse(kind: Any, text: str, least: float | None) -> Any:
    """The value of a variable; raises ValueError with what it has to be."""
    if typing.get_origin(kind) is types.UnionType:
        kind = typing.get_args(kind)[0]
    if kind is str:
        if text != text.strip() or not text.isprintable():
            raise ValueError("text without spaces around it or control characters")
        return text
    if typing.get_origin(kind) is Literal:
        if text not in (choices := typing.get_args(kind)):
            raise ValueError(f"one of {', '.join(choices)}, not {text!r}")
        return text
    wanted = "a whole number" if kind is int else "a number"
    if least is not None:
        wanted += f" of {least} or more"
    pattern = r"[0-9]{1,12}" if kind is int else r"[0-9]{1,12}(\.[0-9]{1,9})?"
    if not re.fullmatch(pattern, text) or (least is not None and kind(text) < least):
        raise ValueError(f"{wanted}, not {text!r}")
    return kind(text)


def _type_name(kind: Any) -> str:
    if typing.get_origin(kind) is types.UnionType:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) is Literal:
        return ", ".join(f"`{choice}`" for choice in typing.get_args(kind))
    return {str: "text", int: "whole number", float: "number"}[kind]


def _kind(url: str) -> str:
    scheme = url.partition(":")[0]
    if scheme in ("http", "https", "libsql"):
        return "libSQL server"
    return "Postgres" if scheme in ("postgresql", "postgres") else "SQLite file"


def _place(url: str) -> str:
    """A database's URL without who asks."""
    scheme, slashes, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return scheme + slashes + host.rpartition("@")[2] + slash + path


def networks(text: str | None) -> tuple[Network, ...]:
    """Addresses and networks with commas between them. Raises ValueError for what is none."""
    return tuple(ip_network(one.strip()) for one in text.split(",")) if text else ()


def _contradictions(settings: Settings) -> Iterator[str]:
    url, primary_url = f"{PREFIX}DATABASE_URL", f"{PREFIX}PRIMARY_DATABASE_URL"
    read, write = settings.database_url, settings.primary_database_url
    if settings.database_token and _kind(read) != "libSQL server":
        yield f"{PREFIX}DATABASE_TOKEN is for a libSQL server, and {url} is a {_kind(read)}"
    if settings.primary_database_token and not write:
        yield f"{PREFIX}PRIMARY_DATABASE_TOKEN is set without {primary_url}"
    try:
        networks(settings.trusted_proxies)
    except ValueError as error:
        yield f"{PREFIX}TRUSTED_PROXIES must be addresses and networks with commas: {error}"
    if settings.client_address_header != "x-forwarded-for" and not settings.trusted_proxies:
        yield f"{PREFIX}CLIENT_ADDRESS_HEADER is set without {PREFIX}TRUSTED_PROXIES"
    if settings.otlp_endpoint and not settings.otlp_endpoint.startswith(("http://", "https://")):
        yield f"{PREFIX}OTLP_ENDPOINT must be a URL of http or https"
    if settings.request_deadline <= max(
        settings.database_deadline, settings.database_write_deadline, settings.body_deadline
    ):
        yield (
            f"{PREFIX}REQUEST_DEADLINE must be longer than {PREFIX}DATABASE_DEADLINE, "
            f"{PREFIX}DATABASE_WRITE_DEADLINE and {PREFIX}BODY_DEADLINE"
        )
    if settings.bootstrap_token and len(settings.bootstrap_token) < 32:
        yield f"{PREFIX}BOOTSTRAP_TOKEN must have 32 characters or more"
    if re.match(r"(?!file:|s3://)[A-Za-z0-9+.-]+:", settings.backup_to or ""):
        yield f"{PREFIX}BACKUP_TO must be a folder or s3://BUCKET/PREFIX"
    if (settings.backup_to or "").startswith("s3://"):
        if not urlsplit(settings.backup_to or "").netloc:
            yield f"{PREFIX}BACKUP_TO names no bucket: write s3://BUCKET/PREFIX"
        if not (settings.backup_s3_key_id and settings.backup_s3_secret):
            yield (
                f"{PREFIX}BACKUP_TO is a bucket, and {PREFIX}BACKUP_S3_KEY_ID or "
                f"{PREFIX}BACKUP_S3_SECRET is not set"
            )
    if write and _kind(write) != _kind(read):
        yield f"{primary_url} is a {_kind(write)} and {url} a {_kind(read)}: both must be of a kind"
