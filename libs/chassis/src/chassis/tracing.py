"""Spans recorded with the OpenTelemetry SDK and sent over OTLP/HTTP; imported only when tracing is on."""

from collections.abc import Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation import set_span_in_context

QUEUE_SPANS = 16_384
"""Spans that wait for the exporter; the SDK's own 2,048 drops some under load."""


class OtlpSpan:
    """One recorded span and the traceparent that its children carry."""

    def __init__(self, span: trace.Span) -> None:
        """Take over a started span."""
        self._span = span
        context = span.get_span_context()
        self.traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def set(self, key: str, value: Any) -> None:
        """Attach a fact."""
        self._span.set_attribute(key, value)

    def end(self, error: BaseException | None) -> None:
        """Finish the span; an error marks it as failed."""
        if error is not None:
            self._span.record_exception(error)
            self._span.set_status(Status(StatusCode.ERROR, str(error)))
        self._span.end()


class OtlpRecorder:
    """Sends spans in batches. Sampling of new traces follows `OTEL_TRACES_SAMPLER` (the SDK's own variable)."""

    def __init__(self, service: str, exporter: SpanExporter | None = None) -> None:
        """`exporter` replaces OTLP/HTTP, whose address and headers come from the OTEL_ variables."""
        self._provider = TracerProvider(resource=Resource.create({"service.name": f"headrace-{service}"}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter(), QUEUE_SPANS))
        self._tracer = self._provider.get_tracer("headrace")

    def start(self, name: str, parent: str | None, attributes: Mapping[str, Any]) -> OtlpSpan:
        """Begin a span under `parent` (a traceparent), or a new trace."""
        context = set_span_in_context(NonRecordingSpan(_context(parent))) if parent else None
        return OtlpSpan(self._tracer.start_span(name, context, attributes=dict(attributes)))

    def close(self) -> None:
        """Send what is buffered."""
        self._provider.shutdown()


def _context(traceparent: str) -> SpanContext:
    _, trace_id, span_id, flags = traceparent.split("-")[:4]
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
