"""Times and durations as blueprints give them."""

from datetime import UTC, datetime
from typing import Any

from contracts.workflow import MAX_DELAY_SECONDS
from execution.nodes.action import NodeFailure


def delay_seconds(value: Any) -> float:
    """The seconds a delay waits; raises `NodeFailure` for what is no time."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_DELAY_SECONDS:
        raise NodeFailure(
            "permanent", "bad_delay", f"`seconds` must be a number from 0 to {MAX_DELAY_SECONDS:g}, but is {value!r}."
        )
    return float(value)


def time_named(value: Any) -> datetime:
    """The moment that a text in RFC 3339 names; raises `NodeFailure` for what is none, or has no zone."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise NodeFailure("permanent", "bad_time", f"{value!r} is no time such as 2026-01-31T12:00:00Z.") from error
    if moment.tzinfo is None:
        raise NodeFailure("permanent", "bad_time", f"{value!r} has no zone: end it with Z or +01:00.")
    return moment.astimezone(UTC)
