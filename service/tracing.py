"""Traces for OpenTelemetry, where an endpoint for them is set; nothing of it is loaded elsewhere.

A span per request, named by its operation, and one per round trip to a database, named by its
statement. Neither holds a query string, a header, a body, SQL or a value.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Final

from service import __version__
from service.errors import ServiceError
from service.settings import Settings

# Seconds that the collector may take, and that the last spans are waited for at a stop.
_DEADLINE: Final = 5


def check(settings: Settings) -> None:
    """Raise `ServiceError` where traces are asked for and cannot be made."""
    if settings.otlp_endpoint and find_spec("opentelemetry.sdk") is None:
        raise ServiceError("AICOMPARE_OTLP_ENDPOINT needs aicompare[otel]: install it, or unset it")


class Tracing:
    """Sends spans to a collector by OTLP over HTTP, in the background.

    OpenTelemetry's own variables say the rest: `OTEL_TRACES_SAMPLER`, `OTEL_SERVICE_NAME`,
    `OTEL_EXPORTER_OTLP_HEADERS`.
    """

    def __init__(self, endpoint: str, region: str | None) -> None:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        resource = Resource.create(
            {
                "service.name": os.environ.get("OTEL_SERVICE_NAME", "aicompare"),
                "service.version": __version__,
                **({"cloud.region": region} if region else {}),
            }
        )
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_DEADLINE)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("aicompare", __version__)
        self._propagator = TraceContextTextMapPropagator()
        self._trace = trace

    @classmethod
    def of(cls, settings: Settings) -> Tracing | None:
        """None where no endpoint is set."""
        if not settings.otlp_endpoint:
            return None
        check(settings)
        return cls(settings.otlp_endpoint, settings.region)

    @contextlib.contextmanager
    def request(self, method: str, path: str, headers: Mapping[bytes, bytes]) -> Iterator[None]:
        """A span around a request; it goes on the trace that the client is in."""
        carrier = {
            name: headers[name.encode()].decode("latin-1")
            for name in ("traceparent", "tracestate")
            if name.encode() in headers
        }
        with self._tracer.start_as_current_span(
            method,
            self._propagator.extract(carrier),
            kind=self._trace.SpanKind.SERVER,
            attributes={"http.request.method": method, "url.path": path},
            record_exception=False,
        ):
            yield

    def answered(self, route: str, status: int) -> None:
        """What the request of the current span asked for, and how it was answered."""
        span = self._trace.get_current_span()
        span.update_name(route)
        span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        if status >= 500:
            span.set_status(self._trace.StatusCode.ERROR)

    @contextlib.contextmanager
    def call(self, role: str, engine: str, statement: str) -> Iterator[None]:
        """A span around a round trip to a database."""
        with self._tracer.start_as_current_span(
            statement,
            kind=self._trace.SpanKind.CLIENT,
            attributes={
                "db.system.name": {"postgres": "postgresql"}.get(engine, engine),
                "db.namespace": role,
                "db.operation.name": statement,
            },
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(self._trace.StatusCode.ERROR)
                raise

    async def close(self) -> None:
        """Send what there is, within the deadline."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DEADLINE):
                await asyncio.to_thread(self._provider.shutdown)
