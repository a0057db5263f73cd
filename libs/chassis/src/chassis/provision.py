"""The streams and consumers of a deployment, declared once and never silently shrunk."""

from dataclasses import fields
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, ConsumerInfo, RetentionPolicy, StorageType, StreamConfig, StreamInfo
from nats.js.errors import APIError, BadRequestError, NotFoundError

DAY_SECONDS = 86_400.0
EVENTS_KEPT_SECONDS = 7 * DAY_SECONDS
"""How long a consumer may be away before it has to ask the owner for a replay."""
EVENTS_BYTES_MAX = 2 * 1024**3
WORK_BYTES_MAX = 512 * 1024**2
"""More than a million work messages; the reconciler makes those again that an overflow drops."""
DEDUPE_SECONDS = 30.0
"""How long a message id is remembered: each costs the server memory, and the chain of sequences needs no ids."""

KEPT_CONSUMER_FIELDS = ("deliver_policy", "opt_start_seq", "opt_start_time", "ack_policy", "replay_policy")
"""What the server refuses to change on a consumer that exists."""

NO_CLUSTER = 10074
"""More than one copy is asked for, of a server that stands alone."""

STORAGE_EXHAUSTED = 10047
"""The server cannot set aside `max_bytes` on its disk."""

LIMITS = ("max_age", "max_bytes")
"""Stream limits that an operator may have raised: ours never lower them."""


def stream_name(namespace: str, service: str) -> str:
    """`<NS>_<SERVICE>`."""
    return f"{namespace}_{service}".upper()


def event_stream(namespace: str, service: str, replicas: int = 1) -> StreamConfig:
    """Everything a service says: `<ns>.<service>.<EventName>.<aggregate id>`, on so many servers of a cluster."""
    return StreamConfig(
        name=stream_name(namespace, service),
        subjects=[f"{namespace}.{service}.*.*"],
        storage=StorageType.FILE,
        retention=RetentionPolicy.LIMITS,
        max_age=EVENTS_KEPT_SECONDS,
        max_bytes=EVENTS_BYTES_MAX,
        duplicate_window=DEDUPE_SECONDS,
        allow_direct=True,
        num_replicas=replicas,
    )


def work_stream(namespace: str, replicas: int = 1) -> StreamConfig:
    """Work to be taken up. A work queue and not interest: what is published before any worker runs must wait."""
    return StreamConfig(
        name=stream_name(namespace, "work"),
        subjects=[f"{namespace}.work.start.*", f"{namespace}.work.wake.*"],
        storage=StorageType.FILE,
        retention=RetentionPolicy.WORK_QUEUE,
        max_bytes=WORK_BYTES_MAX,
        duplicate_window=DEDUPE_SECONDS,
        allow_direct=True,
        num_replicas=replicas,
    )


async def ensure_stream(js: JetStreamContext, wanted: StreamConfig) -> StreamInfo:
    """Create the stream, or keep it: missing subjects and copies are added, lower limits raised, nothing else."""
    try:
        found = await js.stream_info(str(wanted.name))
    except NotFoundError:
        found = await _create(js, wanted)
    changes = _changes(found.config, wanted)
    if not changes:
        return found
    return await js.update_stream(found.config.evolve(**changes))


async def _create(js: JetStreamContext, wanted: StreamConfig) -> StreamInfo:
    try:
        return await js.add_stream(wanted)
    except APIError as error:
        if error.err_code == STORAGE_EXHAUSTED:
            # A small disk: the age limit still holds, and nothing is set aside in advance.
            return await js.add_stream(wanted.evolve(max_bytes=-1))
        if isinstance(error, BadRequestError) and error.err_code != NO_CLUSTER:
            # Somebody else made it at the same moment.
            return await js.stream_info(str(wanted.name))
        raise


async def ensure_consumer(js: JetStreamContext, stream: str, wanted: ConsumerConfig) -> ConsumerInfo:
    """Create the consumer, or update it to `wanted` except for what the server fixes at its creation."""
    name = wanted.name or wanted.durable_name
    wanted = wanted.evolve(name=name, durable_name=name)
    try:
        found: ConsumerInfo = await js.consumer_info(stream, str(name))
    except NotFoundError:
        return await js.add_consumer(stream, wanted)
    kept = {field: getattr(found.config, field) for field in KEPT_CONSUMER_FIELDS}
    wanted = wanted.evolve(**kept)
    if _agrees(found.config, wanted):
        return found
    return await js.add_consumer(stream, wanted)


def incarnation(info: StreamInfo) -> str:
    """What tells a stream from another one that had the same name before."""
    return info.created.isoformat() if info.created else ""


def _changes(found: StreamConfig, wanted: StreamConfig) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    missing = [subject for subject in wanted.subjects or () if subject not in (found.subjects or ())]
    if missing:
        changes["subjects"] = [*(found.subjects or ()), *missing]
    if (wanted.num_replicas or 1) > (found.num_replicas or 1):
        changes["num_replicas"] = wanted.num_replicas
    for limit in LIMITS:
        ours, theirs = getattr(wanted, limit), getattr(found, limit)
        if theirs and theirs > 0 and (ours is None or ours > theirs):
            changes[limit] = ours if ours is not None else -1
    return changes


def _agrees(found: ConsumerConfig, wanted: ConsumerConfig) -> bool:
    asked = ((field.name, getattr(wanted, field.name)) for field in fields(ConsumerConfig))
    return all(getattr(found, name) == value for name, value in asked if value is not None)
