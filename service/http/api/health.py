"""Whether the process is alive, and whether it can answer."""

from __future__ import annotations

import datetime
import functools
from typing import Final, Literal

from service.application.metrics import Metrics
from service.domain.answers import Answer, AnswerMeta
from service.domain.values import Record, timestamp
from service.http.endpoint import Endpoint
from service.storage.backups import last
from service.storage.database import Database, Engine
from service.storage.migrate import Migration, check, folder, load


class Health(Record, frozen=True, kw_only=True):
    """The state of this process."""

    status: Literal["ok"]
    # What does not keep it from answering, and is to be looked after.
    warnings: tuple[str, ...] = ()


_OK: Final = Answer(data=Health(status="ok"), meta=AnswerMeta())


async def live() -> Answer[Health]:
    return _OK


# A day, and the time that a backup may take.
_OLD: Final = datetime.timedelta(hours=26)
# Litestream sends each second; it may have been started again, or S3 have been away for a moment.
_UNSENT: Final = datetime.timedelta(minutes=5)


async def ready(
    reader: Database, metrics: Metrics, backed_up: bool, now: datetime.datetime
) -> Answer[Health]:
    """Raises `Unavailable` where the database does not answer or has the wrong schema."""
    await check(reader, _migrations(reader.engine))
    warnings = []
    if backed_up:
        good_at = (await last(reader)).good_at
        if not good_at:
            warnings.append("there is no good backup yet")
        elif abs(now - datetime.datetime.fromisoformat(good_at)) > _OLD:  # the clock may go back
            warnings.append(f"the last good backup is of {good_at}")
    if metrics.sent_until is not None:
        until = await metrics.sent_until()
        if until is None:
            warnings.append("Litestream does not tell how far it has come")
        elif now - until > _UNSENT:
            warnings.append(f"Litestream has sent what was written until {timestamp(until)}")
    if not warnings:
        return _OK
    return Answer(data=Health(status="ok", warnings=tuple(warnings)), meta=AnswerMeta())


@functools.cache
def _migrations(engine: Engine) -> list[Migration]:
    return load(folder(engine))


LIVE: Final = Endpoint(
    path="/health/live",
    operation="getLiveness",
    tag="operations",
    summary="Is the process alive?",
    description="Asks nothing but the process itself: restart it when this fails.",
    use_case=live,
    keep="never",
    component="HealthResponse",
    example=_OK,
)
READY: Final = Endpoint(
    path="/health/ready",
    operation="getReadiness",
    tag="operations",
    summary="Can the process answer?",
    description=(
        "Reads from the database and checks its schema: send no requests while it fails. "
        "`warnings` tell, where the service makes backups, that the last good one is old, and "
        "where Litestream follows a file, that what is written does not arrive."
    ),
    use_case=ready,
    keep="never",
    component="HealthResponse",
    example=_OK,
)
