"""What an admin page is: one function for one method at one path, for whoever has signed in."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Literal
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

from litestar import Request

from service.application import sessions
from service.domain.sessions import Session
from service.domain.tokens import same
from service.errors import Forbidden, InvalidRequest
from service.http.admin.cells import TOOLS
from service.http.endpoint import Service
from service.http.errors import refusal_to
from service.http.limits import Clients
from service.http.pages.page import HTML, POLICY
from service.http.params import check_id, split
from service.http.reply import CACHE_CONTROL, Header, Headers, Reply, Stream
from service.storage.database import Database
from service.storage.writing import Author

ROOT: Final = "/admin"
SIGN_IN: Final = "/admin/sign-in"
COOKIE: Final = "aicompare_admin"
_FORM: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 100
# A place among these pages; nothing that a browser takes for another host.
_LOCAL: Final = re.compile(r"/admin(?:[/?][!-\[\]-~]*)?")
_OWN: Final[Headers] = (
    (b"cache-control", CACHE_CONTROL["never"]),
    (b"vary", b"Cookie"),
    POLICY,
)


@dataclass
class Visit:
    """One request to an admin page, and who makes it."""

    service: Service
    request: Request[Any, Any, Any]
    # From the path.
    names: Mapping[str, str]
    form: Mapping[str, str] = field(default_factory=dict)
    # None only on pages that are open to everyone.
    session: Session | None = None

    @cached_property
    def query(self) -> dict[str, str]:
        """The parameters; of one that is given more than once all, with commas."""
        found: dict[str, str] = {}
        for name, value in split(self.request.scope["query_string"]):
            found[name] = f"{found[name]},{value}" if name in found else value
        return found

    @property
    def secret(self) -> str | None:
        """What the cookie holds."""
        return self.request.cookies.get(COOKIE)

    @property
    def author(self) -> Author:
        """Whose name the log gives to what is written."""
        assert self.session is not None
        return Author(self.session.actor, self.service.clock())

    @property
    def reader(self) -> Database:
        """To read where it is written: whoever edits sees it at once."""
        return self.service.primary or self.service.reader

    @property
    def by_script(self) -> bool:
        """Whether htmx asks, for a part of a page."""
        return "hx-request" in self.request.headers and "hx-boosted" not in self.request.headers

    @property
    def secure(self) -> bool:
        """Whether the browser speaks https, as it says itself where a form comes from."""
        return self.request.headers.get("origin", "").startswith("https://")

    @property
    def address(self) -> str:
        """Where the request comes from."""
        scope: Any = self.request.scope
        return Clients(self.service.settings).find(scope, dict(scope["headers"]))

    @property
    def place(self) -> str:
        """The page that the person looks at, to come back to."""
        url = self.request.headers.get("hx-current-url")
        if url is None and self.request.method == "POST":
            url = self.request.headers.get("referer", "")
        if url is None:
            scope = self.request.scope
            path = quote(scope["path"], safe="/:@=+~,")
            return local(path + (b"?" + scope["query_string"]).decode("latin-1").rstrip("?"))
        parts = _split(url)
        return local(parts.path + (f"?{parts.query}" if parts.query else ""))

    def html(self, template: str, code: int = 200, /, **values: Any) -> Reply:
        """A template of these pages filled in."""
        # Imported for the first page: a process that answers in JSON alone needs no templates.
        from service.http.pages.templates import render

        given = {**TOOLS, "session": self.session, **values}
        return page_reply(code, render(f"admin/{template}", given))


@dataclass(frozen=True, kw_only=True)
class AdminPage:
    """`method path` is answered by `show`."""

    method: Literal["GET", "POST"]
    path: str
    summary: str
    show: Callable[[Visit], Awaitable[Reply | Stream]]
    # Whether one need not have signed in.
    open: bool = False
    # Values of the parts in braces, for whoever tries all paths.
    example: Mapping[str, str] = field(default_factory=dict)

    @property
    def operation(self) -> str:
        """The name in metrics."""
        words = re.sub(r"\{\w+\}", "", self.path).strip("/").replace("-", "/").split("/")
        return "".join(word.title() if i else word for i, word in enumerate(filter(None, words)))

    @property
    def route(self) -> str:
        """The path for the router: an id may hold slashes."""
        return self.path.replace("{id}", "{id:path}").replace("{name}", "{name:str}")

    async def perform(self, service: Service, request: Request[Any, Any, Any]) -> Reply | Stream:
        """Find out who asks and whether they may, and answer, if only what is wrong."""
        names = {n: str(v).removeprefix("/") for n, v in request.scope["path_params"].items()}
        visit = Visit(service, request, names)
        try:
            return await self._answer(visit)
        except Exception as error:
            refusal = refusal_to(request, error)
            reply = visit.html("error.html", refusal.status, refusal=refusal)
            if wait := refusal.headers.get("Retry-After"):
                return replace(reply, headers=(*reply.headers, (b"retry-after", wait.encode())))
            return reply

    async def _answer(self, visit: Visit) -> Reply | Stream:
        for name in visit.names.values():
            check_id(name)
        service = visit.service
        if visit.secret:
            visit.session = await sessions.find(
                service.writer,
                visit.secret,
                now=service.clock(),
                bootstrap=service.settings.bootstrap_token,
            )
        if visit.session is None and not self.open:
            return _to_sign_in(visit)
        if self.method == "POST":
            visit.form = await _form(visit.request)
            _check_origin(visit)
            if not self.open:
                _check_csrf(visit)
        return await self.show(visit)


def page_reply(status: int, body: bytes, media: str = HTML, extra: Headers = ()) -> Reply:
    """A reply that nobody keeps."""
    headers = ((b"content-type", media.encode()), (b"content-length", str(len(body)).encode()))
    return Reply(status, (*headers, *_OWN, *extra), body)


def go(visit: Visit, place: str, *extra: Header) -> Reply:
    """Send the browser to another page."""
    encoded = place.encode()
    if visit.by_script:
        return page_reply(200, b"", extra=((b"hx-redirect", encoded), *extra))
    return page_reply(303, b"", extra=((b"location", encoded), *extra))


def local(place: str | None) -> str:
    """A place among these pages; their first one for any other."""
    return place if place and _LOCAL.fullmatch(place) else ROOT


def _to_sign_in(visit: Visit) -> Reply:
    # A download is no place to come back to: its table is.
    place = visit.place.replace("/admin/export/", "/admin/tables/", 1)
    asked = "" if place == ROOT else f"?next={quote(place, safe='/:@~,')}"
    return go(visit, SIGN_IN + asked)


async def _form(request: Request[Any, Any, Any]) -> dict[str, str]:
    """The fields of a form. Raises `InvalidRequest`."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != _FORM:
        raise InvalidRequest(f"a form must be sent as {_FORM}")
    try:
        text = (await request.body()).decode()
        pairs = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise InvalidRequest("the form cannot be read") from None
    return dict(pairs)


def _split(url: str) -> SplitResult:
    """The parts of a URL out of a header; none of one that is no URL."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _check_origin(visit: Visit) -> None:
    """Refuse a form that a page of another host sends."""
    headers = visit.request.headers
    origin, host = headers.get("origin"), headers.get("host", "")
    own = origin is not None and _split(origin).netloc == host
    if not own or headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Forbidden("a form of another page was not accepted: open the admin pages and retry")


def _check_csrf(visit: Visit) -> None:
    assert visit.session is not None
    given = visit.request.headers.get("x-csrf-token") or visit.form.get("csrf", "")
    if not same(given, visit.session.csrf):
        raise Forbidden("the form is not of this session: reload the page and try again")
