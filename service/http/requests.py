"""Requests, counted and timed by what they ask for: the operation's name, never a path."""

from __future__ import annotations

from bisect import bisect_left

from service.metrics import SECONDS, Registry, Series


class Requests:
    """What there is to tell of requests, at the cost of less than a microsecond each."""

    def __init__(self, registry: Registry) -> None:
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
