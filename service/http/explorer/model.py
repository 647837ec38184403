"""`/models/{id}`: one model: prices over time, scores, hosts, changes."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Iterator
from typing import Annotated, Any, Final, NamedTuple

from msgspec import Meta

from service.application import changes, models
from service.domain.changes import Change, ChangedRow
from service.domain.pricing import FIGURES, Price, ServiceTier
from service.domain.queries import ChangeQuery, ModelDetailQuery, ModelQuery, Query
from service.http.pages.forms import link
from service.http.pages.page import Page, View
from service.storage.database import Database

_HOSTS: Final = 100
_CHANGES: Final = 200
# Of no interest in a change: when it was made stands beside it.
_UNTOLD: Final = frozenset({"id", "model_id", "created_at", "updated_at"})


class ModelPageQuery(Query, frozen=True, kw_only=True):
    """`GET /models/{id}`."""

    tier: Annotated[ServiceTier, Meta(description="The service tier that the chart shows.")] = (
        "standard"
    )


class Corrected(NamedTuple):
    """A price that was once recorded otherwise."""

    before: Price
    changed_at: str


class Told(NamedTuple):
    """A change as it is told: what differs, as names with the value before and after."""

    change: Change
    differences: tuple[tuple[str, Any, Any], ...]


async def show(reader: Database, id: str, query: ModelPageQuery, *, today: datetime.date) -> View:
    """A model with its whole history."""
    detail = ModelDetailQuery(include=("benchmarks", "history"))
    logged = ChangeQuery(model=id, limit=_CHANGES)
    answer, log = await asyncio.gather(
        models.get_model(reader, id, detail, today=today), changes.newest_changes(reader, logged)
    )
    model = answer.data
    calls = [link(f"/v1/models/{id}", detail), link("/v1/changes", logged)]
    revisions = [answer.meta.revision or 0, log.meta.revision or 0]
    hosts = []
    if model.canonical:
        wanted = ModelQuery(
            canonical=model.canonical, sort=("inputPrice", "outputPrice"), page_size=_HOSTS
        )
        offered = await models.list_models(reader, wanted, today=today)
        hosts, calls = offered.data, [*calls, link("/v1/models", wanted)]
        revisions.append(offered.meta.revision or 0)
    history = model.history or ()
    return View(
        title=model.name,
        revision=min(revisions),
        calls=tuple(calls),
        values={
            "model": model,
            "today": today.isoformat(),
            "history": history,
            "charted": [price for price in history if price.service_tier == query.tier],
            "tiers": sorted({p.service_tier for p in history}, key=_TIERS.index),
            "figures": [f for f in FIGURES if any(getattr(p, f) is not None for p in history)],
            "corrected": dict(_corrections(log.data)),
            "scores": model.benchmarks or (),
            "hosts": hosts,
            "log": [Told(change, tuple(_differences(change))) for change in log.data],
            "log_total": log.meta.total,
        },
    )


_TIERS: Final[tuple[ServiceTier, ...]] = ("standard", "batch", "flex", "priority")


def _corrections(log: list[Change]) -> Iterator[tuple[int, Corrected]]:
    """By the key of a price whose figures were corrected, what they were at first.

    The log is newest first, so that the oldest correction of a price is the one that stays.
    """
    for change in log:
        before, after = change.before, change.after
        if (
            change.kind == "price_corrected"
            and isinstance(before, Price)
            and isinstance(after, Price)
            and any(getattr(before, one) != getattr(after, one) for one in FIGURES)
        ):
            yield before.id, Corrected(before, change.changed_at)


def _differences(change: Change) -> Iterator[tuple[str, Any, Any]]:
    before: ChangedRow | None = change.before
    after: ChangedRow | None = change.after
    if before is None or after is None:
        return
    for field in after.__struct_fields__:
        old, new = getattr(before, field), getattr(after, field)
        if old != new and field not in _UNTOLD:
            yield field.replace("_", " "), old, new


MODEL: Final = Page(
    path="/models/{id}",
    operation="modelPage",
    summary="one model: its prices over time, scores, hosts by price, and what changed",
    use_case=show,
    template="explorer/model.html",
    keep="detail",
    whole=True,
)
