"""Answers out of the cache: in front of the framework where the question was asked before.

A question is kept under what it means: the operation, the id, the parsed query in one spelling.
The way it was spelled on the wire leads there too, once it has been asked: such a request is
answered before anything is parsed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

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


class Sent(NamedTuple):
    """A reply in one content encoding, with the headers that make it so."""

    headers: Headers
    body: bytes
    etag: bytes
    # Of a hit: what a 304 has of the headers, and the name of the operation.
    unchanged: Headers = ()
    route: str = ""


@dataclass(slots=True)
class Kept:
    """A reply and its encoded forms, each made when it is first asked for."""

    reply: Reply
    sent: dict[Encoding, Sent] = field(default_factory=dict)
    # How it was asked for; forgotten with it, since each holds on to its bytes.
    spellings: set[tuple[str, bytes, bytes]] = field(default_factory=set)


@dataclass(slots=True)
class Front:
    """The cache as requests see it."""

    cache: Cache[Kept]
    # Seconds that an answer of each kind may be served without asking the database.
    seconds: Mapping[Keep, float]
    _spellings: dict[tuple[str, bytes, bytes], tuple[Entry[Kept], Sent]] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        self.cache.on_drop = self._forget

    def _forget(self, entry: Entry[Kept]) -> None:
        for spelling in entry.value.spellings:
            self._spellings.pop(spelling, None)
        entry.value.spellings.clear()

    def find(self, path: str, query_string: bytes, accept_encoding: bytes) -> Sent | None:
        """What to send for a question that was asked in just this way before."""
        spelling = (path, query_string, accept_encoding)
        found = self._spellings.get(spelling)
        if found is None:
            return None
        entry, sent = found
        if entry.key is None or not entry.valid or self.cache.now() >= entry.fresh_until:
            del self._spellings[spelling]
            entry.value.spellings.discard(spelling)
            return None
        self.cache.memory.used(entry)
        self.cache.counters.hits += 1
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
            kept = Kept(Reply(reply.status, tagged, reply.body))
            seconds, size = self.seconds[keep], len(reply.body)
            return Loaded(kept, tags, reply.revision or 0, seconds, size)

        entry, state = await self.cache.get(question, load)
        sent = await self._encoded(entry, negotiate(spelling.accept_encoding))
        if entry.key is not None and sum(map(len, spelling[:3])) <= _LONGEST_SPELLING:
            if len(self._spellings) >= _SPELLINGS:
                for other, _ in self._spellings.values():
                    other.value.spellings.clear()
                self._spellings.clear()
            headers = (*sent.headers, (b"x-cache", b"hit"))
            hit = Sent(headers, sent.body, sent.etag, without_body(headers), question.operation)
            self._spellings[spelling[:3]] = entry, hit
            entry.value.spellings.add(spelling[:3])
        return Reply(200, (*sent.headers, (b"x-cache", state.encode())), sent.body)

    async def _encoded(self, entry: Entry[Kept], encoding: Encoding) -> Sent:
        kept = entry.value
        if len(kept.reply.body) < WORTH_IT:
            encoding = "identity"
        if encoding not in kept.sent:
            if len(kept.reply.body) < _LARGE:
                sent = encoded(kept.reply, encoding)
            else:
                sent = await beside(encoded, kept.reply, encoding)
            if encoding not in kept.sent:  # another request may have been faster
                kept.sent[encoding] = sent
                if encoding != "identity":
                    self.cache.memory.grow(entry, len(sent.body))
        return kept.sent[encoding]


def encoded(reply: Reply, encoding: Encoding) -> Sent:
    """A reply in a content encoding. Each has an entity tag of its own, since it is other bytes."""
    etag = next((value for name, value in reply.headers if name == b"etag"), b"")
    if encoding == "identity":
        return Sent(reply.headers, reply.body, etag)
    body = compress(reply.body, encoding)
    etag = etag[:-1] + f'-{encoding}"'.encode()
    changed = {b"etag": etag, b"content-length": str(len(body)).encode()}
    headers = tuple((name, changed.get(name, value)) for name, value in reply.headers)
    return Sent((*headers, (b"content-encoding", encoding.encode())), body, etag)


def without_body(headers: Iterable[Header]) -> Headers:
    """What an answer keeps of its headers when its body is left out."""
    return tuple(pair for pair in headers if pair[0] not in _OF_BODY)
