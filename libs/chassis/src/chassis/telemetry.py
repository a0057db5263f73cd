"""Traces that ride in message headers, metrics for Prometheus: off costs nothing."""

import os
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar, Token
from importlib import import_module
from types import TracebackType
from typing import Any, Protocol, Self

import orjson
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

TRACEPARENT = "traceparent"
"""W3C trace context: the header of a message and the key in an event's metadata."""

OTLP_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""Traces are exported when the environment names where to; the exporter reads the rest of the OTEL_ variables."""

TRACEPARENT_LENGTH = 55
SAMPLED_SUFFIX = "1"
"""The last digit of a traceparent whose trace is recorded (flags 01, or 03 with a random trace id)."""

REGISTRY = CollectorRegistry()
"""The metrics of this process."""

PUBLISHED = Counter("headrace_relay_published", "Events published to the bus", ["service"], registry=REGISTRY)
RELAY_LAG = Gauge("headrace_relay_lag", "Ledger positions not yet published", ["service"], registry=REGISTRY)
PROJECTED = Counter("headrace_projected", "Facts folded into read models", ["projection"], registry=REGISTRY)
PROJECTION_POSITION = Gauge("headrace_projection_position", "Checkpoint", ["projection"], registry=REGISTRY)
DEAD_LETTERS = Counter("headrace_dead_letters", "Facts put aside", ["projection"], registry=REGISTRY)
REQUESTS = Counter("headrace_requests", "Requests answered", ["name", "outcome"], registry=REGISTRY)
BUS_FORBIDDEN = Counter("headrace_bus_forbidden", "What NATS refused for want of a right", registry=REGISTRY)
REQUEST_SECONDS = Histogram("headrace_request_seconds", "Time to answer a request", ["name"], registry=REGISTRY)

_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def render_metrics() -> bytes:
    """Every metric of this process in Prometheus' text format."""
    return generate_latest(REGISTRY)


def current_traceparent() -> str | None:
    """The trace that the running task belongs to, as it goes into headers and metadata."""
    return _current.get()


def trace_id(traceparent: str | None) -> str | None:
    """The 32 hex digits that name the trace."""
    return traceparent[3:35] if traceparent and len(traceparent) >= TRACEPARENT_LENGTH else None


def inject(headers: MutableMapping[str, str]) -> None:
    """Put the running task's trace into the headers of a message."""
    if traceparent := _current.get():
        headers[TRACEPARENT] = traceparent


def extract(headers: Mapping[str, str] | None) -> str | None:
    """The trace that a message belongs to."""
    return headers.get(TRACEPARENT) if headers else None


def extract_from_metadata(metadata: bytes | None) -> str | None:
    """The trace that an event was recorded in."""
    if not metadata or b'"traceparent"' not in metadata:
        return None
    found = orjson.loads(metadata).get(TRACEPARENT)
    return found if isinstance(found, str) else None


class Recorder(Protocol):
    """Starts recorded spans; there is one only while tracing is on."""

    def start(self, name: str, parent: str | None, attributes: Mapping[str, Any]) -> "RecordedSpan":
        """Begin a span under `parent` (a traceparent), or a new trace."""
        ...

    def close(self) -> None:
        """Send what is still buffered."""
        ...


class RecordedSpan(Protocol):
    """A span under way."""

    traceparent: str

    def set(self, key: str, value: Any) -> None:
        """Attach a fact."""
        ...

    def end(self, error: BaseException | None) -> None:
        """Finish it, failed when there is an error."""
        ...


class _Tracing:
    """Whether and where this process records spans."""

    recorder: Recorder | None = None


def start_tracing(service: str) -> bool:
    """Export traces of this process when the environment says where to; answers whether it does."""
    if os.environ.get(OTLP_ENDPOINT) and _Tracing.recorder is None:
        # By name, because the SDK costs 100 ms and 20 MB that a process without tracing need not pay.
        _Tracing.recorder = import_module("chassis.tracing").OtlpRecorder(service)
    return _Tracing.recorder is not None


def use_recorder(recorder: Recorder | None) -> None:
    """Let `recorder` take the spans of this process; None switches tracing off."""
    _Tracing.recorder = recorder


def stop_tracing() -> None:
    """Send what is buffered and stop recording."""
    if _Tracing.recorder is not None:
        _Tracing.recorder.close()
        _Tracing.recorder = None


class Span:
    """A stretch of work on the trace; passes the trace on unrecorded while tracing is off or the trace unsampled."""

    __slots__ = ("_recorded", "_token", "traceparent")

    def __init__(self, traceparent: str | None, recorded: RecordedSpan | None) -> None:
        """`traceparent` is what this span's children and messages carry."""
        self.traceparent = traceparent
        self._recorded = recorded
        self._token: Token[str | None] | None = None

    def set(self, key: str, value: Any) -> None:
        """Attach a fact to the span, where there is one."""
        if self._recorded is not None:
            self._recorded.set(key, value)

    def __enter__(self) -> Self:
        """Make this the trace of the running task."""
        if self.traceparent is not None:
            self._token = _current.set(self.traceparent)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the task its former trace back; an exception marks the span as failed."""
        if self._token is not None:
            _current.reset(self._token)
        if self._recorded is not None:
            self._recorded.end(error)


def span(name: str, parent: str | None = None, attributes: Mapping[str, Any] | None = None) -> Span:
    """A span named `name` under `parent` (a traceparent; without it the running task's).

    The sampled flag is read before the SDK is touched: a recorded span costs some 180 µs, this check less than one.
    """
    parent = parent or _current.get()
    recorder = _Tracing.recorder
    if recorder is None or (parent is not None and not parent.endswith(SAMPLED_SUFFIX)):
        return Span(parent, None)
    recorded = recorder.start(name, parent, attributes or {})
    return Span(recorded.traceparent, recorded)
