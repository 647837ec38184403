"""Signing in and out."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Final

from service.application import sessions
from service.errors import Forbidden, RateLimited, Unauthorized
from service.http.admin.page import COOKIE, SIGN_IN, AdminPage, Visit, go, local
from service.http.errors import STATUS
from service.http.reply import Header, Reply


async def show_sign_in(visit: Visit) -> Reply:
    """The form; whoever has signed in goes on."""
    place = local(visit.query.get("next"))
    if visit.session is not None:
        return go(visit, place)
    return visit.html("sign_in.html", place=place, problem=None)


async def sign_in(visit: Visit) -> Reply:
    """Begin a session, and go where one wanted to."""
    service, settings = visit.service, visit.service.settings
    place = local(visit.form.get("next"))
    lifetime = datetime.timedelta(hours=settings.session_hours)
    try:
        secret, _ = await sessions.sign_in(
            service.writer,
            visit.form.get("token", "").strip(),
            visit.address,
            now=service.clock(),
            lifetime=lifetime,
            bootstrap=settings.bootstrap_token,
        )
    except (Unauthorized, Forbidden, RateLimited) as error:
        reply = visit.html("sign_in.html", STATUS[error.code], place=place, problem=error.message)
        if isinstance(error, RateLimited):
            wait = (b"retry-after", str(int(error.retry_after)).encode())
            return replace(reply, headers=(*reply.headers, wait))
        return reply
    return go(visit, place, _cookie(visit, secret, int(lifetime.total_seconds())))


async def sign_out(visit: Visit) -> Reply:
    """End the session."""
    assert visit.secret is not None
    bootstrap = visit.service.settings.bootstrap_token
    await sessions.sign_out(visit.service.writer, visit.secret, bootstrap=bootstrap)
    return go(visit, SIGN_IN, _cookie(visit, "", 0))


def _cookie(visit: Visit, value: str, seconds: int) -> Header:
    # Lax: a link to a view, out of a chat or a mail, finds the session.
    secure = "; Secure" if visit.secure else ""
    text = f"{COOKIE}={value}; Path=/admin; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
    return b"set-cookie", text.encode()


PAGES: Final = (
    AdminPage(
        method="GET", path=SIGN_IN, summary="Sign in with a token", show=show_sign_in, open=True
    ),
    AdminPage(method="POST", path=SIGN_IN, summary="Sign in", show=sign_in, open=True),
    AdminPage(method="POST", path="/admin/sign-out", summary="Sign out", show=sign_out),
)
