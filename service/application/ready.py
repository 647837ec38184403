"""Batches checked, and encoded as the database takes them."""

from __future__ import annotations

from collections.abc import Generator

from service.domain.batches import Batch
from service.domain.faults import faults_of, refusal
from service.storage.ingest import Documents, prepare


def ready(batch: Batch) -> Generator[None, None, Documents]:
    """Check and encode. Yields after each row. Raises `InvalidRequest` with every fault."""
    if faults := (yield from faults_of(batch)):
        raise refusal(faults)
    return (yield from prepare(batch))
