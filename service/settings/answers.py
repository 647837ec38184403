"""What is kept of answers, and how soon changes are seen."""

from __future__ import annotations

from dataclasses import dataclass

from service.settings.setting import Group, setting


@dataclass(frozen=True, kw_only=True, repr=False)
class Answers(Group):
    """What is kept of answers, and how soon changes are seen."""

    cache_entries: int = setting(10_000, "Answers that a process keeps at most.", least=0)
    cache_bytes: int = setting(
        67_108_864, "Bytes that a process keeps of answers at most.", least=0
    )
    cache_list_seconds: float = setting(3600.0, "Seconds that a list is kept.", least=0)
    cache_detail_seconds: float = setting(900.0, "Seconds that one model is kept.", least=0)
    cache_prices_seconds: float = setting(
        86_400.0, "Seconds that prices and scores are kept.", least=0
    )
    watch_interval: float = setting(
        0.25, "Seconds between two looks for changes that others wrote.", least=0.01
    )
    min_revision_wait: float = setting(
        1.0, "Seconds that a reader waits for the revision it asks for.", least=0
    )
    stream_limit: int = setting(
        200, "Streams of changes that a process serves at once; 0 for none.", least=0
    )
    stream_heartbeat: float = setting(
        15.0, "Seconds without a change until a stream shows that it is alive.", least=0.01
    )
