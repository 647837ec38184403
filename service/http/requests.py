"""Requests, counted and timed by what they ask for, and logged."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Callable
from typing import Final

from service.http.asgi import Scope
from service.http.words import quoted
from service.logs import fields
from service.metrics import SECONDS, Registry, Series

log = logging.getLogger(__name__)
# What a platform asks for again and again is not worth a line.
_QUIET: Final = frozenset({"getLiveness", "getReadiness", "getMetrics"})


def log_request(scope: Scope, route: str, status: int, seconds: float) -> None:
    """A line for a request. No query string, header or body: they may hold what is secret."""
    log.log(
        logging.DEBUG if route in _QUIET and status < 400 else logging.INFO,
        "%s %s",
        scope["method"],
        quoted(scope["path"]),
        extra=fields(operation=route, status=status, milliseconds=round(seconds * 1000, 2)),
    )


class Requests:
    """What there is to tell of requests, at the cost of less than a microsecond each.

    They are told apart by the operation's name, never by a path, of which there is no end.
    """

    def __init__(self, registry: Registry, told: Callable[[str, int], None] | None = None) -> None:
        # Whoever else wants to know.
        self._told = told
        self._answers = registry.counter(
            "aicompare_requests_total", "Answers by operation and status.", "route", "status"
        )
        self._seconds = registry.histogram(
            "aicompare_request_seconds", "Seconds until an answer began, by operation.", "route"
        )
        # The same series by keys that cost nothing to make.
        self._known: dict[str, tuple[dict[int, Series], Series]] = {}

    def seen(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        if self._told is not None:
            self._told(route, status)
        known = self._known.get(route)
        if known is None:
            known = self._known[route] = {}, self._seconds.of(route)
        answers, times = known
        series = answers.get(status)
        if series is None:
            series = answers[status] = self._answers.of(route, str(status))
        series[0] += 1
        times[bisect_left(SECONDS, seconds)] += 1
        times[-1] += seconds
