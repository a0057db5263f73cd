"""A recorded event as a message on the bus, and back: CloudEvents attributes and our own ones as headers."""

import re
from collections.abc import Mapping
from functools import lru_cache
from uuid import UUID

import orjson
from nats.aio.msg import Msg

from chassis.ids import text_of
from chassis.ledger import Recorded
from chassis.telemetry import TRACEPARENT

POSITION = "Headrace-Position"
PREVIOUS = "Headrace-Previous"
"""The position of the event before it in the ledger, 0 for the first: how a consumer sees a gap."""
MILESTONE = "Headrace-Milestone-Before"
"""The position of the last milestone before it (`contracts.milestones`), where its service has any."""
VERSION = "Headrace-Version"
OVERSIZE = "Headrace-Oversize"
"""The payload's bytes, when it is larger than the bus takes: the body is empty then and `replay` brings it."""
MESSAGE_ID = "Nats-Msg-Id"

METADATA_HEADERS = {
    TRACEPARENT: TRACEPARENT,
    "correlation_id": "Headrace-Correlation",
    "causation_id": "Headrace-Causation",
}
"""Key in an event's metadata -> header of its message."""

HEADER_BYTES = 2_048
"""What the headers of one message take at most."""

TIMESTAMP_FIRST = re.compile(rb'\{(?:"class_version":\d+,)?"timestamp":"([^"]+)"')
"""Contracts write the timestamp before all other members, which spares reading the whole payload."""


def headers_of(recorded: Recorded, service: str, previous: int) -> dict[str, str]:
    """The headers under which the event travels; `previous` is the position before it."""
    event_id = str(recorded.event_id)
    headers = {
        MESSAGE_ID: event_id,
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-type": recorded.topic,
        "ce-source": f"headrace/{service}",
        "ce-subject": text_of(recorded.stream_id),
        VERSION: str(recorded.version),
        POSITION: str(recorded.position),
        PREVIOUS: str(previous),
    }
    if time := _timestamp(recorded.state):
        headers["ce-time"] = time
    if recorded.metadata:
        headers.update(_metadata_headers(recorded.metadata))
    return headers


def recorded_from(msg: Msg) -> Recorded | None:
    """The event as its owner recorded it; None when the message was not made by a relay."""
    headers = msg.headers or {}
    try:
        return Recorded(
            position=int(headers[POSITION]),
            stream_id=UUID(headers["ce-subject"]),
            version=int(headers[VERSION]),
            topic=headers["ce-type"],
            state=msg.data,
            event_id=UUID(headers["ce-id"]),
            metadata=_metadata(headers),
        )
    except (KeyError, ValueError):
        return None


def previous_of(msg: Msg, header: str = PREVIOUS) -> int:
    """The ledger position of what a follower must have seen before the message; -1 where the message does not say."""
    return int((msg.headers or {}).get(header, "0" if header == PREVIOUS else "-1"))


def is_oversize(msg: Msg) -> bool:
    """Whether the payload did not fit and has to be asked for."""
    return OVERSIZE in (msg.headers or {})


@lru_cache(maxsize=1024)
def _metadata_headers(recorded: bytes) -> Mapping[str, str]:
    """The facts of one instance mostly share theirs."""
    metadata = orjson.loads(recorded)
    found = {header: metadata.get(key) for key, header in METADATA_HEADERS.items()}
    return {header: " ".join(str(value).split()) for header, value in found.items() if value}


def _metadata(headers: dict[str, str]) -> bytes | None:
    found = {key: headers[header] for key, header in METADATA_HEADERS.items() if header in headers}
    return orjson.dumps(found) if found else None


def _timestamp(state: bytes) -> str | None:
    if found := TIMESTAMP_FIRST.match(state):
        return found.group(1).decode()
    try:
        value = orjson.loads(state).get("timestamp")
    except (orjson.JSONDecodeError, AttributeError):
        return None
    return value if isinstance(value, str) else None
