"""Log lines: text for people, JSON for machines; with the request they belong to, without secrets.

What there is to say beside the message comes as `extra=fields(…)`: members of the JSON, words after
the text.
"""

from __future__ import annotations

import datetime
import json
import logging
import sys
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any, Final

from service.settings import Settings, secrets_of

# Id of the request that is being answered.
REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id", default="")


def fields(**values: Any) -> dict[str, Any]:
    """What to pass as `extra`."""
    return {"fields": values}


def configure(settings: Settings) -> None:
    """Let what is logged go to stderr as the settings say, unless it goes somewhere already."""
    secrets = secrets_of(settings)
    handler = logging.StreamHandler()
    handler.setFormatter(Json(secrets) if settings.log_format == "json" else Text(secrets))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])


def say(words: str, *, error: bool = False) -> None:
    """Tell people on stdout, of an error on stderr; where log lines are JSON, by one of these."""
    if any(isinstance(one.formatter, Json) for one in logging.getLogger().handlers):
        logging.getLogger("service").log(logging.ERROR if error else logging.INFO, "%s", words)
    else:
        print(words, file=sys.stderr if error else sys.stdout, flush=True)


def mask(text: str, secrets: Iterable[str]) -> str:
    """A text with `***` wherever it would tell a secret."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


class Text(logging.Formatter):
    """`2026-11-22 12:00:00,000 INFO service.http: message request_id=…`"""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = tuple(secrets)

    def formatMessage(self, record: logging.LogRecord) -> str:
        words = [f"{name}={value}" for name, value in _beside(record).items()]
        return " ".join([super().formatMessage(record), *words])

    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record), self._secrets)


class Json(logging.Formatter):
    """One object a line: `time`, `level`, `logger`, `message`, and what is said beside them."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = tuple(secrets)

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_beside(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        masked = {name: self._masked(value) for name, value in line.items()}
        return json.dumps(masked, ensure_ascii=False, default=str)

    def _masked(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._masked(one) for one in value]
        return mask(value, self._secrets) if isinstance(value, str) else value


def _beside(record: logging.LogRecord) -> dict[str, Any]:
    said: dict[str, Any] = dict(getattr(record, "fields", {}))
    if request_id := REQUEST_ID.get():
        said.setdefault("request_id", request_id)
    return said
