"""What is told of what goes on, and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from service.settings.setting import PREFIX, Group, setting

AccessLog = Literal["off", "misses", "all"]
LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Monitoring(Group):
    """What is told of what goes on, and where."""

    log_format: LogFormat = setting(  # noqa: RUF009
        "text", "What log lines are: `text` for people, `json` for machines."
    )
    log_level: LogLevel = setting(  # noqa: RUF009
        "info", "Least severe messages that are logged."
    )
    access_log: AccessLog = setting(  # noqa: RUF009
        "misses",
        "Requests that are logged: none (`off`), those not answered from what is kept (`misses`), "
        "or `all`.",
    )
    slow_query_seconds: float = setting(
        0.5,
        "Seconds from which a round trip to a database is logged with its plan; 0 for never.",
        least=0,
    )
    metrics_folder: str | None = setting(
        None,
        "Folder in which processes that serve one address tell each other their figures. "
        "`serve` with several workers makes one.",
    )
    otlp_endpoint: str | None = setting(
        None,
        "URL of an OpenTelemetry collector that traces are sent to: `http://HOST:4318`.",
        also="OTEL_EXPORTER_OTLP_ENDPOINT",
    )

    def contradictions(self) -> Iterator[str]:
        if self.otlp_endpoint and not self.otlp_endpoint.startswith(("http://", "https://")):
            yield f"{PREFIX}OTLP_ENDPOINT must be a URL of http or https"
