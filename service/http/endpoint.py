"""What an endpoint is: one use case, told to the router, to OpenAPI and to a cache.

The query struct and the type of the answer are read from the use case's own signature, so that
nothing about an endpoint is written down twice.
"""

from __future__ import annotations

import datetime
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from service.application.regions import reach
from service.domain.answers import Answer
from service.domain.queries import NoQuery, Query
from service.http.asgi import App
from service.http.errors import Refusal
from service.http.front import Front, Question, Spelling
from service.http.params import canonical, check_id, parse, parse_revision
from service.http.reply import JSON, KEPT, Keep, Reply, json_reply
from service.settings import Settings
from service.storage.database import Database

if TYPE_CHECKING:
    from service.application.metrics import Metrics
    from service.application.stream import Streams
    from service.application.watch import Watch

_ALL_TABLES: Final = frozenset({"providers", "models", "pricing", "benchmarks"})


@dataclass(frozen=True, slots=True)
class Service:
    """What use cases are given; made once per process by `service.app`."""

    reader: Database
    # Where writes go, if that is another database than the one that is read.
    primary: Database | None
    # Connected to write, there or here.
    writer: Database
    settings: Settings
    clock: Callable[[], datetime.datetime]
    front: Front
    watch: Watch
    streams: Streams
    metrics: Metrics


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A read endpoint: `GET path` runs `use_case` and renders what it returns.

    `path` is OpenAPI's: `{id}` is the rest of the path, slashes included. `use_case` takes, by
    name, any of `reader`, `primary`, `streams`, `metrics`, `query` (or `wanted`), `id`, `now`,
    `today`, `region`, `leads` and `backed_up`.
    """

    path: str
    operation: str
    tag: str
    summary: str
    description: str
    use_case: Callable[..., Any]
    keep: Keep
    # A question worth trying, and what its answer looks like.
    asks: Mapping[str, str] = field(default_factory=dict)
    id: str | None = None
    example: Any = None
    # Name of the answer's schema; None where the answer is not JSON.
    component: str | None = None
    media: str = JSON
    # Whether the question itself may name what is not there; a path with an id always may.
    not_found: bool = False
    # Arguments of the use case that the path settles; then also which struct the query is.
    given: Mapping[str, Any] = field(default_factory=dict)
    parameters: type[Query] | None = None
    render: Callable[[Any, Endpoint, Query], Any] | None = None
    # Whether the answer goes on for as long as the client listens.
    endless: bool = False
    # Whether the answer depends on more than the models that the question names.
    whole: bool = False
    # Headers that it reads, with what they mean.
    headers: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def query(self) -> type[Query]:
        """The struct that holds the parameters."""
        hints = typing.get_type_hints(self.use_case)
        kind = hints.get("query", NoQuery)
        return typing.cast("type[Query]", self.parameters or kind)

    @cached_property
    def data(self) -> Any:
        """The type of `data` in the answer."""
        answer = typing.get_type_hints(self.use_case)["return"]
        assert typing.get_origin(answer) is Answer, f"{self.operation} must return an Answer"
        return typing.get_args(answer)[0]

    @cached_property
    def _takes(self) -> frozenset[str]:
        return frozenset(inspect.signature(self.use_case).parameters)

    @property
    def prefix(self) -> str | None:
        """What a path with an id begins with."""
        return self.path.removesuffix("{id}") if self.path.endswith("{id}") else None

    def read(self, query_string: bytes, max_bytes: int) -> Query:
        """The question that a query string asks; raises `InvalidRequest`."""
        return parse(self.query, query_string, max_bytes)

    def refuse(self, refusal: Refusal) -> Reply:
        """The response to a question that cannot be answered."""
        return refusal.json()

    def tags(self, query: Query, id: str) -> frozenset[str]:
        """What an answer depends on, in the words of `service.application.watch.tags_of`."""
        if id and self.tag == "providers":
            return frozenset({f"provider:{id}", f"models-of:{id}"})
        if self.whole:
            return _ALL_TABLES
        model = getattr(query, "model", None)
        models = (id,) if id else (model,) if model else getattr(query, "ids", ())
        if not models:
            return _ALL_TABLES
        return frozenset(
            tag for one in models for tag in (f"model:{one}", f"provider:{one.partition('/')[0]}")
        )

    async def answer(self, service: Service, spelling: Spelling, id: str = "") -> App:
        """Parse, then answer from what is kept or ask. Raises what parsing and the use case raise.

        A request with credentials is `private`: nothing is kept of it, nor it answered from that.
        """
        query = self.read(spelling.query_string, service.settings.max_query_bytes)
        check_id(id)
        if spelling.min_revision is not None:
            seconds = service.settings.min_revision_wait
            revision = parse_revision(spelling.min_revision)
            if elsewhere := await reach(service.watch, service.primary, revision, seconds):
                return await self.ask(replace(service, reader=elsewhere), query, id)
        if self.keep in KEPT and not spelling.private:
            question = Question(self.operation, id, canonical(query))

            async def ask() -> Reply:
                reply = await self.ask(service, question.query, id)
                assert isinstance(reply, Reply), f"{self.operation} streams: it cannot be kept"
                return reply

            tags = self.tags(question.query, id)
            return await service.front.answer(question, self.keep, tags, spelling, ask)
        reply = await self.ask(service, query, id)
        return reply.private() if spelling.private and isinstance(reply, Reply) else reply

    async def ask(self, service: Service, query: Query, id: str = "") -> App:
        """Answer a parsed query: what depends on nothing but these arguments, the data and day."""
        now = service.clock().astimezone(datetime.UTC)
        given = {
            "reader": service.reader,
            "primary": service.primary,
            "query": query,
            "wanted": query,
            "id": id,
            "streams": service.streams,
            "metrics": service.metrics,
            "now": now,
            "today": now.date(),
            "region": service.settings.region,
            "leads": service.settings.in_primary_region,
            "backed_up": service.settings.backup_to is not None,
            **self.given,
        }
        result = self.use_case(**{name: given[name] for name in self._takes if name in given})
        if inspect.isawaitable(result):
            result = await result
        if self.render:
            rendered = self.render(result, self, query)
            return typing.cast("App", await rendered if inspect.isawaitable(rendered) else rendered)
        return json_reply(result, self.keep, getattr(query, "fields", ()))
