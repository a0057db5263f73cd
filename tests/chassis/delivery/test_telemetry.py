"""Traces ride along unrecorded while tracing is off, are recorded when it is on, and logs name them."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from chassis import telemetry
from chassis.codec import encode_metadata
from chassis.logs import bind, configure_logging, get_logger
from chassis.tracing import OtlpRecorder

TRACE = "0af7651916cd43dd8448eb211c80319c"
SAMPLED = f"00-{TRACE}-b7ad6b7169203331-01"
UNSAMPLED = f"00-{TRACE}-b7ad6b7169203331-00"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    """Tracing on, into memory."""
    exporter = InMemorySpanExporter()
    telemetry.use_recorder(OtlpRecorder("test", exporter))
    yield exporter
    telemetry.use_recorder(None)


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """What a test configures ends with it: its standard error is closed then."""
    handlers, level = logging.getLogger().handlers, logging.getLogger().level
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers = handlers
    logging.getLogger().setLevel(level)


def test_while_tracing_is_off_the_trace_is_passed_on_untouched():
    assert not telemetry.start_tracing("test")

    with telemetry.span("work", SAMPLED) as span:
        span.set("fact", 1)
        headers: dict[str, str] = {}
        telemetry.inject(headers)

    assert headers == {"traceparent": SAMPLED}
    assert telemetry.current_traceparent() is None


def test_spans_nest_under_the_trace_they_were_given(exporter: InMemorySpanExporter):
    with telemetry.span("outer", SAMPLED, {"service": "post"}) as outer, telemetry.span("inner") as inner:
        inner.set("count", 3)

    telemetry.stop_tracing()
    first, second = exporter.get_finished_spans()
    assert [first.name, second.name] == ["inner", "outer"]
    assert {f"{span.context.trace_id:032x}" for span in (first, second)} == {TRACE}
    assert first.parent is not None
    assert first.parent.span_id == second.context.span_id
    assert (first.attributes, second.attributes) == ({"count": 3}, {"service": "post"})
    assert outer.traceparent == f"00-{TRACE}-{second.context.span_id:016x}-01"


def test_an_exception_marks_the_span(exporter: InMemorySpanExporter):
    with pytest.raises(ValueError, match="no"), telemetry.span("work"):
        raise ValueError("no")

    telemetry.stop_tracing()
    (span,) = exporter.get_finished_spans()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "no")


def test_an_unsampled_trace_is_not_recorded(exporter: InMemorySpanExporter):
    with telemetry.span("work", UNSAMPLED) as span:
        assert span.traceparent == UNSAMPLED

    telemetry.stop_tracing()
    assert exporter.get_finished_spans() == ()


def test_the_trace_is_found_in_headers_and_in_an_events_metadata():
    assert telemetry.extract({"traceparent": SAMPLED}) == SAMPLED
    assert telemetry.extract(None) is None
    assert telemetry.extract_from_metadata(encode_metadata(traceparent=SAMPLED)) == SAMPLED
    assert telemetry.extract_from_metadata(None) is None
    assert telemetry.trace_id(SAMPLED) == TRACE
    assert telemetry.trace_id("nonsense") is None


@pytest.mark.usefixtures("logging_restored")
def test_a_log_line_names_service_trace_and_what_was_bound(capsys: pytest.CaptureFixture[str]):
    configure_logging("post", "info", "json")

    with telemetry.span("work", SAMPLED), bind(instance_id="i1"):
        get_logger("tests").info("parcel.moved", place="Lisbon")
    get_logger("tests").debug("not written")

    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert said.pop("timestamp").endswith("Z")
    assert said == {
        "event": "parcel.moved",
        "place": "Lisbon",
        "level": "info",
        "module": "tests",
        "service": "post",
        "trace_id": TRACE,
        "instance_id": "i1",
    }


@pytest.mark.usefixtures("logging_restored")
def test_logs_for_people_are_text(capsys: pytest.CaptureFixture[str]):
    configure_logging("post", "debug", "text")

    get_logger("people").debug("parcel.moved", place="Lisbon")

    assert "parcel.moved" in capsys.readouterr().err


def test_metrics_are_rendered_for_prometheus():
    telemetry.REQUESTS.labels("FindParcel", "answered").inc()

    assert b'headrace_requests_total{name="FindParcel",outcome="answered"}' in telemetry.render_metrics()
