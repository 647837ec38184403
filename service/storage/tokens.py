"""Tokens: made, found, revoked. Writing them moves no revision."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, cast

from service.domain.tokens import Credential, Scope, Token
from service.storage.database import Database, Statement
from service.storage.mapping import Mapper

TOKEN: Final = Mapper(Token)


class Found(NamedTuple):
    """A token with the hash of its secret."""

    token: Token
    secret_hash: str


async def create(
    db: Database, credential: Credential, name: str, scope: Scope, now: str, expires_at: str | None
) -> None:
    """Store a new token. Raises `Conflict` where an active one has the name."""
    await db.batch(
        Statement(
            "tokens.create",
            """
            INSERT INTO tokens (id, name, scope, secret_hash, created_at, expires_at)
            VALUES (:id, :name, :scope, :secret_hash, :now, :expires_at)
            """,
            {
                "id": credential.id,
                "name": name,
                "scope": scope,
                "secret_hash": credential.secret_hash,
                "now": now,
                "expires_at": expires_at,
            },
        )
    )


async def find(db: Database, id: str) -> Found | None:
    """A token by its id, whether active or not."""
    [rows] = await db.fetch(
        Statement(
            "tokens.find",
            f"SELECT {TOKEN.select('t')}, t.secret_hash FROM tokens AS t WHERE t.id = :id",
            {"id": id},
        )
    )
    return Found(TOKEN.read(rows[0]), cast(str, rows[0][-1])) if rows else None


async def all_of(db: Database) -> list[Token]:
    """All tokens, revoked ones too, in the order of their making."""
    [rows] = await db.fetch(
        Statement(
            "tokens.list",
            f"SELECT {TOKEN.select('t')} FROM tokens AS t ORDER BY t.created_at, t.id",
        )
    )
    return [TOKEN.read(row) for row in rows]


async def revoke(db: Database, id_or_name: str, now: str) -> bool:
    """Revoke the active token with an id or a name; whether there was one."""
    [done] = await db.batch(
        Statement(
            "tokens.revoke",
            """
            UPDATE tokens SET revoked_at = :now
            WHERE (id = :which OR name = :which) AND revoked_at IS NULL
            """,
            {"which": id_or_name, "now": now},
        )
    )
    return done.affected > 0


async def used(db: Database, id: str, now: str, unless_after: str) -> None:
    """Record the use of a token, unless one was recorded after a moment."""
    params: dict[str, Any] = {"id": id, "now": now, "limit": unless_after}
    await db.batch(
        Statement(
            "tokens.used",
            """
            UPDATE tokens SET last_used_at = :now
            WHERE id = :id AND (last_used_at IS NULL OR last_used_at < :limit)
            """,
            params,
        )
    )
