"""Documents that are the same for as long as the process runs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

from service.http.reply import POLICY, Header, Keep, Reply, reply


@dataclass(frozen=True)
class Fixed:
    """A document at a path; `body` is called once, when it is first asked for."""

    path: str
    media: str
    body: Callable[[], bytes]
    keep: Keep = "fixed"
    policy: Header = POLICY

    @functools.cached_property
    def reply(self) -> Reply:
        """What is sent."""
        return reply(self.body(), self.media, self.keep, policy=self.policy)
