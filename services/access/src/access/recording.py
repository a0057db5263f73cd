"""What stands beside each recorded event: the conversation it belongs to, and the trace."""

from uuid import UUID

from chassis.codec import encode_metadata
from chassis.telemetry import current_traceparent


def metadata(id: UUID) -> bytes | None:
    """Of a decision about the aggregate `id`, made now."""
    return encode_metadata(correlation_id=id, traceparent=current_traceparent())
