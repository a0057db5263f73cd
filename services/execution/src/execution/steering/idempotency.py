"""Idempotency keys: one stream a key, whose last fact says what the key names (pure)."""

import hashlib
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from chassis.ids import derived_id
from contracts.execution import IDEMPOTENCY_KEY_HOURS, ExecuteBlueprint
from contracts.instance_events import IdempotencyKeyTaken
from contracts.refusal import Conflict
from contracts.steering import PostSignal, SignalInstance


class KeyedRequest(NamedTuple):
    """A request under a key: whose key, for which operation, and what the request would make the key name."""

    user_id: str
    operation: str
    key: str
    content: Any
    names: UUID

    @property
    def stream_id(self) -> UUID:
        """The stream of this owner's key for this operation."""
        return derived_id("idempotency", self.user_id, self.operation, self.key)

    @property
    def fingerprint(self) -> str:
        """What the key stands for: other content under the same key is another request."""
        return hashlib.sha256(orjson.dumps(self.content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def of_execution(command: ExecuteBlueprint) -> KeyedRequest | None:
    """The key names an instance and stands for the blueprint and the body; not for the mode. None without a key."""
    if command.idempotency_key is None:
        return None
    content = [str(command.blueprint.id), command.body.model_dump(mode="json")]
    return KeyedRequest(command.caller.user_id, "execute", command.idempotency_key, content, command.instance_id)


def of_signal(command: SignalInstance | PostSignal) -> KeyedRequest | None:
    """The key names a signal and stands for the target and the body. None without a key."""
    if command.idempotency_key is None:
        return None
    target = command.instance_id if isinstance(command, SignalInstance) else command.blueprint.id
    content = [str(target), command.body.model_dump(mode="json")]
    return KeyedRequest(command.caller.user_id, "signal", command.idempotency_key, content, command.signal_id)


def named_before(taken: IdempotencyKeyTaken | None, request: KeyedRequest, now: datetime) -> UUID | None:
    """What the key names already; None when the key is free. Other content is refused (409)."""
    if taken is None or now - taken.timestamp >= timedelta(hours=IDEMPOTENCY_KEY_HOURS):
        return None
    if taken.fingerprint != request.fingerprint:
        raise Conflict(
            "idempotency_key_reused",
            "This Idempotency-Key was used with other content in the last 24 hours; use a new key.",
        )
    return taken.instance_id


def key_taken(request: KeyedRequest, last: IdempotencyKeyTaken | None, now: datetime) -> IdempotencyKeyTaken:
    """The fact that the key names this request's instance, or signal, from now on."""
    return IdempotencyKeyTaken(
        originator_id=request.stream_id,
        originator_version=(last.originator_version if last else 0) + 1,
        timestamp=now,
        instance_id=request.names,
        fingerprint=request.fingerprint,
    )
