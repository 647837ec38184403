"""Who may write, what is held back, and who is told of changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from service.settings.setting import PREFIX, Group, setting

WebhookTargets = Literal["public", "any"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Pipeline(Group):
    """Who may write, what is held back, and who is told of changes."""

    bootstrap_token: str | None = setting(
        None, "A token of scope admin for a first start, of 32 characters or more.", secret=True
    )
    token: str | None = setting(None, "Token that `aicompare ingest --to` sends.", secret=True)
    session_hours: float = setting(
        12.0, "Hours until an admin has to sign in to the admin pages again.", least=0.001
    )
    held_price_factor: int = setting(
        10, "Prices that differ from the current one by more are held; 0 holds none.", least=0
    )
    run_timeout: float = setting(
        3600.0, "Seconds without a batch until an open run is closed as failed.", least=1
    )
    webhook_targets: WebhookTargets = setting(  # noqa: RUF009
        "public",
        "Where webhooks may go: `public` addresses by https, or `any` address, by http as well.",
    )
    webhook_deadline: float = setting(
        10.0, "Seconds that the receiver of a webhook may take to answer.", least=0.01
    )
    webhook_pause_days: float = setting(
        3.0, "Days of nothing but failures until a webhook is paused.", least=0
    )

    def contradictions(self) -> Iterator[str]:
        if self.bootstrap_token and len(self.bootstrap_token) < 32:
            yield f"{PREFIX}BOOTSTRAP_TOKEN must have 32 characters or more"
