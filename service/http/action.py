"""What an action is: one use case that needs a token, told to the router and to OpenAPI."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from litestar import Request
from msgspec import Struct

from service.application.edits import Put
from service.domain.batches import Batch
from service.domain.queries import NoQuery, Query
from service.domain.tokens import Scope
from service.http.auth import author_of, once_of, version_of
from service.http.body import read
from service.http.decoding import decode
from service.http.endpoint import Service
from service.http.params import check_id, parse
from service.http.preparing import ready
from service.http.reply import JSON, Reply, encode, reply

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, kw_only=True)
class Action:
    """`method path` runs `use_case` for whoever has a token of a scope.

    `use_case` takes, by name, any of `writer`, `reader` (the writer as well: what is asked with a
    token is answered from where it is written), `author`, `query`, `body`, `batch`, `once`,
    `version`, `lock`, `source`, `factor`, `abandoned` and the names in the path.
    """

    method: Method
    path: str
    operation: str
    tag: str
    summary: str
    description: str
    scope: Scope
    use_case: Callable[..., Any]
    # Name of the answer's schema, the type of its data, and an example of the whole.
    component: str
    data: Any
    example: Any
    # For the names in the path.
    names: Mapping[str, str] = field(default_factory=dict)
    body: type[Struct] | None = None
    sends: Any = None
    query: type[Query] = NoQuery
    # Codes of errors beside those that every action may have.
    errors: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    # Whether it may make what it names, and answers 201 then.
    creates: bool = False

    @cached_property
    def takes(self) -> frozenset[str]:
        """What the use case is given by name."""
        return frozenset(inspect.signature(self.use_case).parameters)

    @cached_property
    def route(self) -> str:
        """The path for the router, which knows no slashes within a name but in the last one."""
        path = self.path.removesuffix("/restore")
        if path.startswith("/v1/locks/{"):
            return "/v1/locks/{rest:path}"
        if path.startswith("/v1/pipeline/"):
            return path.replace("{id}", "{id:str}")
        return path.replace("{id}", "{id:path}")

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        # Only an id may hold slashes.
        escaped = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path)
        return re.compile(escaped.replace("(?P<id>[^/]+)", "(?P<id>.+)"), re.DOTALL)

    def find(self, path: str) -> dict[str, str] | None:
        """The names in a decoded path; None where it is another one."""
        found = self._pattern.fullmatch(path)
        return found.groupdict() if found else None

    async def perform(
        self, service: Service, request: Request[Any, Any, Any], names: Mapping[str, str]
    ) -> Reply:
        """Check the token, read the request, do it, and renew what the cache has of it."""
        settings = service.settings
        author = await author_of(request, service, self.scope)
        query = parse(self.query, request.scope["query_string"], settings.max_query_bytes)
        for name in names.values():
            check_id(name)
        raw = b""
        if self.body:
            raw = await read(request, settings.max_body_bytes, settings.body_deadline)
        given: dict[str, Any] = {
            "writer": service.writer,
            "reader": service.writer,
            "author": author,
            "query": query,
            "once": once_of(request, raw),
            "version": version_of(request),
            "factor": settings.held_price_factor or None,
            "abandoned": settings.run_timeout,
            **{name: getattr(query, name) for name in query.__struct_fields__},
            **names,
            **self.given,
        }
        if self.body is Batch:
            given["batch"] = functools.partial(ready, raw)
        elif self.body:
            given["body"] = decode(raw, self.body)
        found = await self.use_case(**{n: given[n] for n in self.takes if n in given})
        answer, created = found if isinstance(found, Put) else (found, self.creates)
        revision = answer.meta.revision
        if self.method != "GET" and revision is not None:
            await service.watch.wrote(service.writer, revision)
        made = reply(encode(answer), JSON, "never", revision=revision)
        if "version" in self.takes:
            made = replace(made, headers=(*made.headers, (b"etag", f'"{revision}"'.encode())))
        return replace(made, status=201) if created else made
