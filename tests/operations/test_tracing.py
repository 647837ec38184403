"""Traces as a collector gets them: by OTLP over HTTP, from the service as it is run."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from service.errors import ServiceError
from service.settings import InvalidSettings, Settings
from service.tracing import check
from tests.engines import HTTP, free_port
from tests.operations.serving import served

MODEL = "/v1/models/anthropic/claude-sonnet-4-5"
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
PLANTED = "planted-secret-0123456789-abcdefghij"


@contextmanager
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """A receiver of traces on a free port, and what it got."""
    got: list[ExportTraceServiceRequest] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.path == "/v1/traces"
            assert self.headers["content-type"] == "application/x-protobuf"
            got.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def attributes(one: Any) -> dict[str, Any]:
    return {pair.key: pair.value.string_value or pair.value.int_value for pair in one.attributes}


def test_requests_and_round_trips(url: str, tmp_path: Path) -> None:
    with collector() as (endpoint, got):
        settings = {"DATABASE_URL": url, "OTLP_ENDPOINT": endpoint, "REGION": "fra"}
        settings |= {"BOOTSTRAP_TOKEN": PLANTED}
        with served(tmp_path / "log", **settings) as address:
            headers = {"traceparent": PARENT, "accept-encoding": "identity"}
            states = [
                HTTP.get(f"{address}{MODEL}?fields=id", headers=headers).headers["x-cache"]
                for _ in range(2)
            ]
            assert states == ["miss", "hit"]
            wrong = {"authorization": f"Bearer {PLANTED}", "content-type": "application/json"}
            HTTP.post(f"{address}/v1/pipeline/runs", headers=wrong, content=b"[")
            HTTP.get(f"{address}/nope")
        # Stopped: what was not sent yet has been.
    resources = [one.resource for request in got for one in request.resource_spans]
    spans = [
        span
        for request in got
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    named = attributes(resources[0])
    assert (named["service.name"], named["cloud.region"]) == ("aicompare", "fra")
    asked = [one for one in spans if one.name == "getModel"]
    assert len(asked) == 2
    for span in asked:
        assert span.trace_id.hex() == TRACE
        assert span.parent_span_id.hex() == "b7ad6b7169203331"
        assert attributes(span) == {
            "http.request.method": "GET",
            "http.route": "getModel",
            "http.response.status_code": 200,
            "url.path": MODEL,
        }
    calls = [one for one in spans if one.trace_id.hex() == TRACE and one not in asked]
    assert calls, "the round trip of the miss is part of its trace"
    for call in calls:
        assert call.parent_span_id in [one.span_id for one in asked]
        said = attributes(call)
        assert (said["db.system.name"], said["db.namespace"]) == ("sqlite", "reader")
        assert said["db.operation.name"] == call.name
    statuses = {
        one.name: attributes(one)["http.response.status_code"]
        for one in spans
        if "http.route" in attributes(one)
    }
    assert (statuses["openRun"], statuses["none"]) == (400, 404)
    everything = b"".join(one.SerializeToString() for one in got)
    for hidden in (PLANTED.encode(), b"fields=id", b"SELECT"):
        assert hidden not in everything


def test_a_collector_that_is_away_costs_nothing_but_traces(url: str, tmp_path: Path) -> None:
    settings = {"DATABASE_URL": url, "OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    with served(tmp_path / "log", **settings) as address:
        for _ in range(20):
            assert HTTP.get(f"{address}{MODEL}").status_code == 200


def test_nothing_of_it_is_loaded_without_an_endpoint() -> None:
    # The framework itself takes names from another part of it, where that is installed.
    heavy = "opentelemetry.sdk", "opentelemetry.exporter", "google.protobuf", "requests"
    script = (
        "import sys; from service.app import create_app; from service.settings import Settings;"
        f"create_app(Settings()); print([one for one in {heavy} if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    standard = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
    settings = Settings.from_environment(standard)
    assert settings.otlp_endpoint == "http://127.0.0.1:4318"
    check(settings)
    monkeypatch.setattr("service.tracing.find_spec", lambda name: None)
    with pytest.raises(ServiceError, match=r"needs aicompare\[otel\]"):
        check(settings)
    check(Settings())
    with pytest.raises(InvalidSettings, match="must be a URL"):
        Settings.from_environment({"AICOMPARE_OTLP_ENDPOINT": "localhost:4318"})
