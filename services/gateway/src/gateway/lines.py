"""The lines of a stream: what was recorded and what was whispered, in the shape that clients read (pure)."""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from contracts.execution import Token
from contracts.instance_events import ENDINGS
from contracts.message import rfc3339

HEARTBEAT = b'{"event":"Heartbeat"}\n'
"""Says that the connection lives."""
LAST = frozenset(ending.topic() for ending in ENDINGS)
"""The events after which nothing follows."""
NOT_DATA = ("timestamp", "class_version")
TIMES = frozenset({"due_at", "requested_at"})
MONEY = "cost"


def event_line(instance_id: UUID, seq: int, event: str, payload: bytes) -> bytes:
    """A recorded event: `payload` is its JSON as recorded."""
    data = orjson.loads(payload)
    time = _in_milliseconds(data["timestamp"])
    for name in NOT_DATA:
        data.pop(name, None)
    return _line(seq, event, instance_id, time, presented(data))


def ledger_line(line: dict[str, Any]) -> bytes:
    """A recorded event as execution tells it to somebody who follows."""
    return _dumped(line | {"data": presented(line["data"])})


def token_line(instance_id: UUID, token: bytes, moment: datetime) -> bytes:
    """A piece of a model's answer on its way."""
    return _line(None, Token.__name__, instance_id, rfc3339(moment), orjson.loads(token))


def presented(data: dict[str, Any]) -> dict[str, Any]:
    """A recorded payload as the interface shows it: money as numbers, times in milliseconds."""
    shown: dict[str, Any] = {
        name: _in_milliseconds(value) if name in TIMES and value else value for name, value in data.items()
    }
    if MONEY in shown:
        shown[MONEY] = float(shown[MONEY])
    if "figures" in shown:
        shown["figures"] = presented(shown["figures"])
    if "waits_for" in shown:
        shown["waits_for"] = [presented(wait) for wait in shown["waits_for"]]
    return shown


def _in_milliseconds(recorded: str) -> str:
    return rfc3339(datetime.fromisoformat(recorded))


def _line(seq: int | None, event: str, instance_id: UUID, time: str, data: Any) -> bytes:
    return _dumped({"seq": seq, "event": event, "instance_id": instance_id, "time": time, "data": data})


def _dumped(line: dict[str, Any]) -> bytes:
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
