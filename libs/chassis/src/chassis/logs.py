"""Structured logs: one line per fact, with the trace and the instance it belongs to."""

import logging
import sys
from collections.abc import Callable
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from chassis.telemetry import current_traceparent, trace_id

Hider = Callable[[str], str]
"""A line as it would be written -> as it may be."""

_hiders: list[Hider] = []

bind = structlog.contextvars.bound_contextvars
"""`with bind(instance_id=…):` puts facts on every log line of the running task."""


def get_logger(name: str) -> Any:
    """The logger of a module; its lines are named events with facts: `log.warning("relay.refused", stream=…)`."""
    return structlog.get_logger(module=name)


def hide_in_logs(hider: Hider) -> None:
    """From now on let no line of this process, whoever logs it, be written without asking `hider` first."""
    _hiders.append(hider)


def configure_logging(service: str, level: str = "info", output: str = "json") -> None:
    """Write this process's logs to stderr: `json` for machines, `text` for people; other libraries' too."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_trace,
        _ServiceName(service),
    ]
    rendering: list[Processor] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(), _hidden]
    if output == "text":
        # Plain tracebacks: the rich ones show the values of local variables, among them secrets.
        plain = structlog.dev.plain_traceback
        rendering = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain), _hidden]
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _adopt_standard_logging(shared, rendering, max(threshold, logging.WARNING))


def _adopt_standard_logging(shared: list[Processor], rendering: list[Processor], threshold: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering]
    )
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(threshold)


def _with_trace(_logger: Any, _method: str, event: EventDict) -> EventDict:
    if found := trace_id(current_traceparent()):
        event["trace_id"] = found
    return event


def _hidden(_logger: Any, _method: str, line: Any) -> Any:
    for hider in _hiders:
        line = hider(line)
    return line


class _ServiceName:
    """Puts the service's name on every line."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, _logger: Any, _method: str, event: EventDict) -> EventDict:
        event["service"] = self._service
        return event
