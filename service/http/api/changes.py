"""The change log over HTTP, and its prices as an Atom feed."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final
from xml.sax.saxutils import escape

from msgspec.structs import replace

from service.application import changes
from service.domain.answers import Answer
from service.domain.changes import Change
from service.domain.pricing import FIGURES, Price
from service.domain.queries import Query
from service.http.endpoint import Endpoint
from service.http.examples import MOMENT, PRICE, many
from service.http.reply import Reply, reply

CHANGE: Final = Change(
    revision=31416,
    table="pricing",
    id="2718",
    model_id="anthropic/claude-sonnet-4-5",
    kind="price_changed",
    before=replace(PRICE, input_price=Decimal("3.5")),
    after=PRICE,
    actor="pipeline",
    run_id="0b6f7a52",
    changed_at=MOMENT,
)
LIST: Final = Endpoint(
    path="/v1/changes",
    operation="listChanges",
    tag="changes",
    summary="The change log",
    description=(
        "What changed after the revision `since`, oldest first: the whole row before and after, "
        "who wrote it, in which run and when. Go on with the last revision as the next `since`. "
        "A `meta.revision` below `since` says that the database was restored from a backup: begin "
        "anew."
    ),
    use_case=changes.list_changes,
    keep="live",
    component="ChangeListResponse",
    asks={"since": "0", "limit": "10"},
    example=many(CHANGE, page_size=10),
)

# What XML 1.0 cannot hold in any form.
_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_KINDS: Final = {
    "price_added": "new price",
    "price_changed": "price changed",
    "price_corrected": "price corrected",
    "price_effective": "price in force",
}


def _feed(answer: Answer[list[Change]], endpoint: Endpoint, _: Query) -> Reply:
    meta = answer.meta
    newest = answer.data[0].changed_at if answer.data else meta.last_updated
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom">',
        "<id>urn:aicompare:price-changes</id>",
        "<title>AICompare: price changes</title>",
        "<author><name>AICompare</name></author>",
        f'<link rel="self" href="{endpoint.path}"/>',
        f"<updated>{newest or '1970-01-01T00:00:00.000Z'}</updated>",
        *map(_entry, answer.data),
        "</feed>\n",
    ]
    body = "\n".join(lines).encode()
    return reply(body, "application/atom+xml; charset=utf-8", endpoint.keep, revision=meta.revision)


def _entry(change: Change) -> str:
    title = f"{change.model_id}: {_KINDS.get(change.kind, change.kind)}"
    return (
        f"<entry><id>urn:aicompare:change:{change.revision}</id><title>{_text(title)}</title>"
        f"<updated>{change.changed_at}</updated>"
        f'<link rel="alternate" href="/v1/models/{_text(change.model_id)}"/>'
        f"<content>{_text(_words(change.before, change.after))}</content></entry>"
    )


def _words(before: Any, after: Any) -> str:
    """The figures that differ, in words."""
    if not isinstance(after, Price):
        return "The price is gone."
    parts = []
    for figure in FIGURES:
        old = getattr(before, figure) if isinstance(before, Price) else None
        new = getattr(after, figure)
        if new is not None and old is not None and old != new:
            parts.append(f"{figure.replace('_', ' ')} {old:f} to {new:f}")
        elif new is not None and old is None:
            parts.append(f"{figure.replace('_', ' ')} {new:f}")
    figures = ", ".join(parts) or "no figure differs"
    return (
        f"From {after.effective_date}, {after.service_tier} tier, US dollars per million tokens: "
        f"{figures}."
    )


def _text(text: str | None) -> str:
    return escape(_ILLEGAL.sub("", text or ""), {'"': "&quot;"})


FEED: Final = Endpoint(
    path="/v1/changes.atom",
    operation="getPriceFeed",
    tag="changes",
    summary="Price changes as a feed",
    description="The newest 100 prices that are new, corrected or came into force, as Atom.",
    use_case=changes.newest_price_changes,
    render=_feed,
    media="application/atom+xml",
    keep="live",
    example=(
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<title>AICompare: price changes</title>\n{_entry(CHANGE)}\n</feed>\n"
    ),
)
