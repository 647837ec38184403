"""Locks over HTTP."""

from __future__ import annotations

from typing import Any, Final

from service.application import locks
from service.domain.locks import Lock, LockQuery
from service.http.action import Action
from service.http.examples import MOMENT, many, one

_LOCK: Final = Lock(
    table="models",
    id="anthropic/claude-sonnet-4-5",
    field="contextWindow",
    actor="ada",
    locked_at=MOMENT,
)
_ONE: Final[dict[str, Any]] = {
    "path": "/v1/locks/{table}/{id}/{field}",
    "tag": "locks",
    "scope": "admin",
    "component": "LockResponse",
    "data": Lock,
    "example": one(_LOCK),
    "names": {"table": _LOCK.table, "id": _LOCK.id, "field": _LOCK.field},
    "errors": ("not_found",),
}
PUT: Final = Action(
    method="PUT",
    operation="putLock",
    summary="Lock a field",
    description="What a person locked, ingest leaves alone until it is unlocked.",
    use_case=locks.put_lock,
    **_ONE,
)
DELETE: Final = Action(
    method="DELETE",
    operation="deleteLock",
    summary="Unlock a field",
    description="Leaves the field to ingest again.",
    use_case=locks.delete_lock,
    **_ONE,
)
LIST: Final = Action(
    method="GET",
    path="/v1/locks",
    operation="listLocks",
    tag="locks",
    summary="Locks",
    description="Fields that ingest leaves alone, of all rows, one table or one row.",
    scope="pipeline",
    use_case=locks.list_locks,
    component="LockListResponse",
    data=list[Lock],
    query=LockQuery,
    example=many(_LOCK, page_size=100),
)
ACTIONS: Final = (LIST, PUT, DELETE)
