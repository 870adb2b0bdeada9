"""Traces of requests in OpenTelemetry, made after the response; its packages are imported only when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cityzoo.runtime.packages import require

PURPOSE = "--otlp"
STAGES = ("decode", "queue", "infer", "post")  # one after the other


class Tracer:
    """Send a span for each request, with one inside for each stage, to a collector that speaks OTLP over HTTP."""

    def __init__(self, url: str, service: str = "cityzoo") -> None:
        """Start.

        Args:
            url: of the collector, without /v1/traces.
            service: name of the server in traces.

        Raises:
            InputError: OpenTelemetry is not installed.
        """
        exporter = require("opentelemetry.exporter.otlp.proto.http.trace_exporter", PURPOSE)
        trace = require("opentelemetry.sdk.trace", PURPOSE)
        batches = require("opentelemetry.sdk.trace.export", PURPOSE)
        resources = require("opentelemetry.sdk.resources", PURPOSE)
        self._api = require("opentelemetry.trace", PURPOSE)
        self._parents = require("opentelemetry.trace.propagation.tracecontext", PURPOSE)
        self._provider = trace.TracerProvider(
            resource=resources.Resource.create({"service.name": service}), shutdown_on_exit=False
        )
        target = exporter.OTLPSpanExporter(endpoint=f"{url.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(batches.BatchSpanProcessor(target))
        self._tracer = self._provider.get_tracer("cityzoo.serve")

    def record(
        self,
        name: str,
        started_ns: int,
        seconds: Mapping[str, float],
        attributes: Mapping[str, Any],
        traceparent: str = "",
    ) -> None:
        """Send a request that has been answered.

        Args:
            name: of its span.
            started_ns: in nanoseconds since 1970.
            seconds: by stage, and in total.
            attributes: of its span, such as model and status.
            traceparent: header of W3C Trace Context that the client sent, "" for none.
        """
        parent = self._parents.TraceContextTextMapPropagator().extract({"traceparent": traceparent})
        kind = self._api.SpanKind.SERVER
        span = self._tracer.start_span(name, parent, kind, dict(attributes), start_time=started_ns)
        inside, at = self._api.set_span_in_context(span), started_ns
        for stage in STAGES:
            if stage in seconds:
                child = self._tracer.start_span(stage, inside, start_time=at)
                at += round(seconds[stage] * 1e9)
                child.end(at)
        if attributes.get("http.response.status_code", 200) >= 500:
            span.set_status(self._api.StatusCode.ERROR)
        span.end(started_ns + round(seconds.get("total", 0.0) * 1e9))

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()
