"""Traces arrive at a collector as OTLP, with the stages inside their request, as part of the client's trace."""

import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from unittest import mock

import pytest

from cityzoo.errors import InputError
from cityzoo.monitor.tracing import Tracer

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_request_and_its_stages_arrive():
    """Times, parents and attributes as reported; an error is marked."""
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    received = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words):
            pass

    collector = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    tracer = Tracer(f"http://127.0.0.1:{collector.server_port}/")
    seconds = {"decode": 0.004, "queue": 0.001, "infer": 0.03, "total": 0.04}
    about = {"cityzoo.model": "cars", "http.response.status_code": 503}
    tracer.record("predict cars", 1_000_000_000, seconds, about, f"00-{TRACE}-{SPAN}-01")
    tracer.record("predict cars", 0, {"total": 0.01}, {"http.response.status_code": 200})
    tracer.close()
    collector.shutdown()
    collector.server_close()
    ((path, body),) = received
    message = ExportTraceServiceRequest.FromString(body)
    spans = [s for r in message.resource_spans for scope in r.scope_spans for s in scope.spans]
    decode, queue, infer, request, other = spans
    assert path == "/v1/traces"
    assert [each.name for each in spans[:4]] == ["decode", "queue", "infer", "predict cars"]
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, SPAN)
    assert {each.parent_span_id for each in (decode, queue, infer)} == {request.span_id}
    assert infer.start_time_unix_nano == queue.end_time_unix_nano == 1_005_000_000
    assert request.end_time_unix_nano - request.start_time_unix_nano == 40_000_000
    assert request.status.code == 2 and other.status.code == 0
    assert not other.parent_span_id and other.trace_id.hex() != TRACE


def test_without_the_packages():
    """One line with what to install."""
    with (
        mock.patch.dict(sys.modules, {"opentelemetry.exporter.otlp.proto.http.trace_exporter": None}),
        pytest.raises(InputError, match=r'--otlp needs .*pip install "cityzoo\[tracing\]"'),
    ):
        Tracer("http://127.0.0.1:4318")
