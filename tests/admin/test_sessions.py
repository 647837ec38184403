"""Sessions: who gets one, when it ends, and how guessing is slowed down."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

import pytest

from service.application import sessions, tokens
from service.domain.tokens import Credential, Scope, new_credential
from service.errors import Forbidden, RateLimited, Unauthorized
from service.storage.database import Database, Statement
from tests.catalog import NOW

pytestmark = pytest.mark.anyio

HERE = "192.0.2.1"
BOOTSTRAP = "b" * 32
HOUR = datetime.timedelta(hours=1)


async def made(db: Database, scope: Scope = "admin", **lifetime: Any) -> Credential:
    return await tokens.create(db, f"{scope}-{len(lifetime)}", scope, NOW, **lifetime)


async def sign_in(
    db: Database, token: object, address: str = HERE, now: datetime.datetime = NOW, **more: Any
) -> sessions.SignedIn:
    return await sessions.sign_in(db, str(token), address, now=now, lifetime=HOUR, **more)


async def stored_text(db: Database) -> str:
    tables = await db.fetch(
        Statement("test", "SELECT id, token_id FROM sessions"),
        Statement("test", "SELECT bucket FROM sign_in_attempts"),
    )
    return str(tables)


async def test_a_session_lasts_until_it_is_over(stored: Database) -> None:
    credential = await made(stored)
    secret, session = await sign_in(stored, credential)
    assert session.actor == "admin-0"
    assert await sessions.find(stored, secret, now=NOW + HOUR * 0.9) == session
    assert await sessions.find(stored, secret, now=NOW + HOUR) is None
    assert await sessions.find(stored, secret + "x", now=NOW) is None
    assert secret not in await stored_text(stored)
    assert session.csrf not in await stored_text(stored)
    other, _ = await sign_in(stored, credential)
    assert other != secret
    await sessions.sign_out(stored, secret)
    assert await sessions.find(stored, secret, now=NOW) is None
    assert await sessions.find(stored, other, now=NOW) is not None


async def test_a_new_session_forgets_those_that_are_over(stored: Database) -> None:
    credential = await made(stored)
    await sign_in(stored, credential)
    await sign_in(stored, credential, now=NOW + HOUR)
    [[(count,)]] = await stored.fetch(Statement("test", "SELECT count(*) FROM sessions"))
    assert count == 1


async def test_a_session_ends_with_its_token(stored: Database) -> None:
    credential = await made(stored)
    secret, _ = await sign_in(stored, credential)
    await tokens.revoke(stored, credential.id, NOW)
    assert await sessions.find(stored, secret, now=NOW) is None
    short = await made(stored, lifetime=HOUR / 2)
    secret, _ = await sign_in(stored, short)
    assert await sessions.find(stored, secret, now=NOW)
    assert await sessions.find(stored, secret, now=NOW + HOUR / 2) is None


async def test_the_token_of_the_environment(stored: Database) -> None:
    secret, session = await sign_in(stored, BOOTSTRAP, bootstrap=BOOTSTRAP)
    assert session.actor == "environment"
    assert await sessions.find(stored, secret, now=NOW, bootstrap=BOOTSTRAP) == session
    for changed in ("c" * 32, None):
        assert await sessions.find(stored, secret, now=NOW, bootstrap=changed) is None
    await sessions.sign_out(stored, secret, bootstrap=BOOTSTRAP)
    assert await sessions.find(stored, secret, now=NOW, bootstrap=BOOTSTRAP) is None


async def test_who_gets_none(stored: Database) -> None:
    credential = await made(stored)
    said = set()
    for token in (new_credential(), credential._replace(secret="A" * 43), "", "nonsense", "ä"):
        with pytest.raises(Unauthorized) as refused:
            await sign_in(stored, token)
        said.add(refused.value.message)
    assert len(said) <= 2, "an unknown token and a wrong one are told in the same words"
    with pytest.raises(Forbidden, match="scope pipeline"):
        await sign_in(stored, await made(stored, "pipeline"))
    [[(count,)]] = await stored.fetch(Statement("test", "SELECT count(*) FROM sessions"))
    assert count == 0


async def guesses(db: Database, token: object, address: str, count: int) -> int:
    """How many of attempts at once were looked at."""
    found = await asyncio.gather(
        *(sign_in(db, token, address) for _ in range(count)), return_exceptions=True
    )
    assert {type(one) for one in found} <= {Unauthorized, RateLimited}
    return sum(isinstance(one, Unauthorized) for one in found)


async def test_guessing_from_an_address_is_slowed_down(stored: Database) -> None:
    credential = await made(stored)
    assert await guesses(stored, "guess", HERE, 25) == 10
    with pytest.raises(RateLimited) as refused:
        await sign_in(stored, credential)
    assert refused.value.retry_after == 30
    assert "30 s" in refused.value.message
    with pytest.raises(RateLimited):
        await sign_in(stored, credential, now=NOW + datetime.timedelta(seconds=29))
    assert await sign_in(stored, credential, "192.0.2.2"), "others are not in the way"
    later = NOW + datetime.timedelta(seconds=30)
    assert await sign_in(stored, credential, now=later)
    assert await guesses(stored, "guess", HERE, 12) == 10, "who has a token begins anew"
    yesterday = NOW - datetime.timedelta(days=1)
    assert await sign_in(stored, credential, now=yesterday), "by a clock that has gone back"


async def test_guessing_a_token_from_everywhere_is_slowed_down(stored: Database) -> None:
    credential = await made(stored)
    wrong = credential._replace(secret="A" * 43)
    looked = 0
    for i in range(15):
        looked += await guesses(stored, wrong, f"192.0.2.{i}", 1)
    assert looked == 10
    with pytest.raises(RateLimited):
        await sign_in(stored, credential, "192.0.2.77")


async def test_one_network_of_ipv6_is_one_address(stored: Database) -> None:
    looked = 0
    for i in range(15):
        looked += await guesses(stored, "guess", f"2001:db8:1:2::{i}", 1)
    assert looked == 10
    assert await guesses(stored, "guess", "2001:db8:1:3::1", 1) == 1
    assert await guesses(stored, "guess", "::ffff:192.0.2.9", 10) == 10
    assert await guesses(stored, "guess", "192.0.2.9", 1) == 0, "the same in either spelling"
