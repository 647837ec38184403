"""Batches that are told apart, pushed until they are acknowledged, and looked for afterwards."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable
from typing import Any

import httpx
import msgspec

from service.domain.batches import Batch
from service.domain.models import ModelRow
from service.domain.pricing import PriceRow
from service.domain.providers import ProviderRow
from service.storage.database import Database, Statement
from tests.processes import HEADERS, client

SIZE = 60


def numbered(number: int) -> Batch:
    """A provider with models and prices, no row of which is in another batch."""
    provider = f"p{number}"
    ids = [f"m{i}" for i in range(SIZE)]
    return Batch(
        providers=(ProviderRow(id=provider, name=provider),),
        models=tuple(ModelRow(provider_id=provider, model_id=id, name=id) for id in ids),
        pricing=tuple(
            PriceRow(model_id=f"{provider}/{id}", effective_date=datetime.date(2026, 1, 1))
            for id in ids
        ),
    )


def as_json(batch: Batch) -> bytes:
    """The body of a request that pushes it."""
    return msgspec.json.encode(
        {
            "providers": [{"id": row.id, "name": row.name} for row in batch.providers],
            "models": [
                {"providerId": row.provider_id, "modelId": row.model_id, "name": row.name}
                for row in batch.models
            ],
            "pricing": [
                {"modelId": row.model_id, "effectiveDate": row.effective_date}
                for row in batch.pricing
            ],
        }
    )


async def whole(db: Database) -> set[int]:
    """The numbers of the batches that are there; each must be there in all its parts."""
    [found] = await db.fetch(
        Statement(
            "whole",
            """
            SELECT p.id, (SELECT count(*) FROM models AS m WHERE m.provider_id = p.id),
                (SELECT count(*) FROM pricing AS r JOIN models AS m ON m.id = r.model_id
                 WHERE m.provider_id = p.id),
                (SELECT count(*) FROM changes)
            FROM providers AS p
            """,
        )
    )
    changes = len(found) * (2 * SIZE + 1)
    assert {row[1:] for row in found} <= {(SIZE, SIZE, changes)}
    return {int(str(id)[1:]) for id, *_ in found}


class Pusher:
    """Pipelines that push numbered batches to a service, each under its key until it is taken.

    While the service is away it may refuse, clearly; what it acknowledged is remembered.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.acknowledged: dict[int, Any] = {}
        # Answers other than success, by their messages.
        self.refused: dict[str, int] = {}
        self._next = 0

    async def push(self, number: int, http: httpx.AsyncClient) -> bool:
        """Push a batch once; whether it was acknowledged."""
        headers = {**HEADERS, "idempotency-key": f"k{number}", "content-type": "application/json"}
        try:
            answer = await http.post(
                f"{self.url}/v1/pipeline/ingest", content=as_json(numbered(number)), headers=headers
            )
        except httpx.TransportError:
            return False
        if answer.status_code == 200:
            self.acknowledged[number] = answer.json()["data"]
            return True
        clear(answer)
        message = answer.json()["error"]["message"]
        self.refused[message] = self.refused.get(message, 0) + 1
        return False

    async def until_refused(self, number: int, http: httpx.AsyncClient) -> int:
        """Push one batch after the other; the first that is refused, which is told in words."""
        for one in range(number, number + 100):
            if not await self.push(one, http):
                assert self.refused, "it was not even answered"
                return one
        raise AssertionError("there was room for all of that")

    async def until_taken(self, number: int, http: httpx.AsyncClient) -> None:
        """Push a batch until it is acknowledged, which it has to be without anyone's help."""
        async with asyncio.timeout(60):
            while not await self.push(number, http):  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    async def run(self, going: Callable[[], bool], pause: float = 0) -> None:
        """Push one batch after the other for as long as that goes, and the last one to its end."""
        async with client() as http:
            while going():
                number, self._next = self._next, self._next + 1
                while not await self.push(number, http):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                await asyncio.sleep(pause)


def clear(answer: httpx.Response) -> None:
    """A refusal says that it is for now, and nothing of what is inside."""
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    error = answer.json()["error"]
    assert error["code"] == "unavailable"
    for word in ("apsw", "sqlite3", "psycopg", "aiohttp", "Traceback", "/tmp", "SELECT"):
        assert word not in answer.text
