"""Answers out of the cache: in front of the framework where the question was asked before.

A question is kept under what it means: the operation, the id, the parsed query in one spelling.
The way it was spelled on the wire leads there too, once it has been asked: such a request is
answered before anything is parsed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

from service.application.cache import Cache, Entry, Loaded
from service.domain.queries import Query
from service.http.encoding import WORTH_IT, Encoding, compress, negotiate
from service.http.reply import Header, Headers, Keep, Reply
from service.interpreter import beside

# A spelling longer than this (path, query string and encodings together) is parsed each time; so is
# one more spelling than this.
_LONGEST_SPELLING: Final = 1024
_SPELLINGS: Final = 20_000
# Bytes from which compression leaves the event loop.
_LARGE: Final = 262_144
_OF_BODY: Final = frozenset({b"content-encoding", b"content-length", b"content-type"})


class Question(NamedTuple):
    """What is asked, however it is spelled."""

    operation: str
    id: str
    query: Query


class Spelling(NamedTuple):
    """How a question came over the wire."""

    path: str
    query_string: bytes
    accept_encoding: bytes
    # With credentials, which nothing that is shared may come near to.
    private: bool
    min_revision: bytes | None

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> Spelling:
        """The spelling of a request."""
        given = dict(scope["headers"])
        return cls(
            scope["path"],
            scope["query_string"],
            given.get(b"accept-encoding", b""),
            b"authorization" in given or b"cookie" in given,
            given.get(b"min-revision"),
        )


# The path, the query string and the encodings of it.
Spelled: TypeAlias = tuple[str, bytes, bytes]


class Sent(NamedTuple):
    """A reply in one content encoding, with the headers that make it so."""

    headers: Headers
    body: bytes
    etag: bytes
    # Of a hit: all of its headers, and those that a 304 has.
    hit: Headers
    unchanged: Headers
    # The name of the operation.
    route: str


@dataclass(slots=True)
class Kept:
    """A reply and its encoded forms, each made when it is first asked for."""

    reply: Reply
    route: str
    sent: dict[Encoding, Sent] = field(default_factory=dict)


@dataclass(slots=True)
class Front:
    """The cache as requests see it."""

    cache: Cache[Kept]
    # Seconds that an answer of each kind may be served without asking the database.
    seconds: Mapping[Keep, float]
    # How an entry was asked for, and what that leads to; forgotten with the entry, whose bytes it
    # holds on to.
    _spellings: dict[Spelled, tuple[Entry[Kept], Encoding]] = field(default_factory=dict)
    _spelled: dict[Entry[Kept], set[Spelled]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cache.on_drop = self._forget

    def _forget(self, entry: Entry[Kept]) -> None:
        for spelling in self._spelled.pop(entry, ()):
            del self._spellings[spelling]

    def find(self, path: str, query_string: bytes, accept_encoding: bytes) -> Sent | None:
        """What to send for a question that was asked in just this way before."""
        found = self._spellings.get((path, query_string, accept_encoding))
        if found is None:
            return None
        entry, encoding = found
        sent = entry.value.sent.get(encoding)
        if sent is None or not entry.valid or self.cache.now() >= entry.fresh_until:
            return None
        self.cache.used(entry)
        return sent

    async def answer(
        self,
        question: Question,
        keep: Keep,
        tags: frozenset[str],
        spelling: Spelling,
        ask: Callable[[], Awaitable[Reply]],
    ) -> Reply:
        """The answer to a question, kept or asked for, encoded as the client likes it.

        `tags` are what it depends on, in the words of `service.application.watch.tags_of`.
        """

        async def load() -> Loaded[Kept]:
            reply = await ask()
            tagged = (*reply.headers, (b"cache-tag", ",".join(sorted(tags)).encode()))
            kept = Kept(Reply(reply.status, tagged, reply.body), question.operation)
            size, old = len(reply.body), self.cache.memory.peek(question)
            if old is not None and old.valid:  # what takes its place is asked for as it was
                for encoding in tuple(old.value.sent):
                    size += await _encode(kept, encoding)
            return Loaded(kept, tags, reply.revision or 0, self.seconds[keep], size)

        entry, state = await self.cache.get(question, load)
        kept, encoding = entry.value, negotiate(spelling.accept_encoding)
        more = await _encode(kept, encoding)
        if entry.value is kept:  # it may have been renewed meanwhile
            self.cache.memory.grow(entry, more)
        if entry.key is not None and sum(map(len, spelling[:3])) <= _LONGEST_SPELLING:
            if len(self._spellings) >= _SPELLINGS:
                self._spellings.clear()
                self._spelled.clear()
            self._spellings[spelling[:3]] = entry, encoding
            self._spelled.setdefault(entry, set()).add(spelling[:3])
        sent = kept.sent[encoding]
        return Reply(200, (*sent.headers, (b"x-cache", state.encode())), sent.body)


async def _encode(kept: Kept, encoding: Encoding) -> int:
    """Have a kept reply in an encoding; the bytes that this added to it."""
    if encoding in kept.sent:
        return 0
    if encoding == "identity" or len(kept.reply.body) < _LARGE:
        sent = encoded(kept.reply, encoding, kept.route)
    else:
        sent = await beside(encoded, kept.reply, encoding, kept.route)
    if encoding in kept.sent:  # another request was faster
        return 0
    kept.sent[encoding] = sent
    return 0 if sent.body is kept.reply.body else len(sent.body)


def encoded(reply: Reply, encoding: Encoding, route: str = "") -> Sent:
    """A reply in a content encoding. Each has an entity tag of its own, since it is other bytes."""
    headers, body = reply.headers, reply.body
    etag = next((value for name, value in headers if name == b"etag"), b"")
    if encoding != "identity" and len(body) >= WORTH_IT:
        body = compress(body, encoding)
        etag = etag[:-1] + f'-{encoding}"'.encode()
        changed = {b"etag": etag, b"content-length": str(len(body)).encode()}
        headers = tuple((name, changed.get(name, value)) for name, value in headers)
        headers = (*headers, (b"content-encoding", encoding.encode()))
    hit = (*headers, (b"x-cache", b"hit"))
    return Sent(headers, body, etag, hit, without_body(hit), route)


def without_body(headers: Iterable[Header]) -> Headers:
    """What an answer keeps of its headers when its body is left out."""
    return tuple(pair for pair in headers if pair[0] not in _OF_BODY)
