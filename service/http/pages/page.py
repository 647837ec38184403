"""What a page is: an endpoint that answers in HTML, kept and retired as answers of the API are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from service.domain.queries import Query
from service.http.endpoint import Endpoint
from service.http.errors import Refusal
from service.http.pages.forms import tidy
from service.http.reply import Header, Keep, Reply, reply

HTML: Final = "text/html; charset=utf-8"
# All from this origin, and neither script nor style within a page.
POLICY: Final[Header] = (
    b"content-security-policy",
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    b"img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
)


@dataclass(frozen=True, slots=True)
class View:
    """What a page shows: the values of its template, and by which calls of the API to get them."""

    title: str
    revision: int | None
    calls: tuple[str, ...]
    values: Mapping[str, Any]


def html(view: View, page: Endpoint, query: Query) -> Reply:
    """The reply that shows a view."""
    # Imported for the first page: a process that answers in JSON alone needs no templates.
    from service.http.pages.templates import render

    assert isinstance(page, Page)
    body = render(
        page.template,
        {"title": view.title, "calls": view.calls, "page": page, "query": query, **view.values},
    )
    return reply(body, HTML, page.keep, revision=view.revision, policy=POLICY)


def refused(refusal: Refusal) -> Reply:
    """A refusal as a page."""
    from service.http.pages.templates import render

    body = render("pages/error.html", {"title": _TITLES.get(refusal.code), "refusal": refusal})
    return refusal.reply(body, HTML, POLICY)


_TITLES: Final = {
    "invalid_request": "This question cannot be answered",
    "not_found": "There is no such thing",
    "unavailable": "The catalogue is away for a moment",
}


@dataclass(frozen=True, kw_only=True)
class Page(Endpoint):
    """`GET path` shows the `View` that `use_case` returns in `template`, a path under `http/`."""

    template: str
    tag: str = "pages"
    description: str = ""
    keep: Keep = "list"
    media: str = HTML
    render: Any = html

    def read(self, query_string: bytes, max_bytes: int) -> Query:
        """The question, as an HTML form without any script may put it too."""
        return super().read(tidy(query_string, self.query), max_bytes)

    def refuse(self, refusal: Refusal) -> Reply:
        """A page that says why."""
        return refused(refusal)
