"""Idempotency keys: one stream a key, whose last fact says which instance the key names (pure)."""

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

import orjson

from chassis.ids import derived_id
from contracts.execution import IDEMPOTENCY_KEY_HOURS, ExecuteBlueprint
from contracts.instance_events import IdempotencyKeyTaken
from contracts.refusal import Conflict

OPERATION = "execute"


def key_stream(command: ExecuteBlueprint) -> UUID:
    """The stream of this owner's key for this operation."""
    return derived_id("idempotency", command.caller.user_id, OPERATION, command.idempotency_key or "")


def fingerprint(command: ExecuteBlueprint) -> str:
    """What the key stands for: the blueprint and the body; not the mode."""
    content = [str(command.blueprint.id), command.body.model_dump(mode="json")]
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def named_instance(taken: IdempotencyKeyTaken | None, command: ExecuteBlueprint, now: datetime) -> UUID | None:
    """The instance that the key names already; None when the key is free. Other content is refused (409)."""
    if taken is None or now - taken.timestamp >= timedelta(hours=IDEMPOTENCY_KEY_HOURS):
        return None
    if taken.fingerprint != fingerprint(command):
        raise Conflict(
            "idempotency_key_reused",
            "This Idempotency-Key was used with other content in the last 24 hours; use a new key.",
        )
    return taken.instance_id


def key_taken(command: ExecuteBlueprint, last: IdempotencyKeyTaken | None, now: datetime) -> IdempotencyKeyTaken:
    """The fact that the key names this command's instance from now on."""
    return IdempotencyKeyTaken(
        originator_id=key_stream(command),
        originator_version=(last.originator_version if last else 0) + 1,
        timestamp=now,
        instance_id=command.instance_id,
        fingerprint=fingerprint(command),
    )
