"""NATS as it is: its version, and streams and consumers whose settings endanger delivery."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.doctor.findings import Finding, fail, ok, warn

if TYPE_CHECKING:
    from chassis.bus import Bus

NATS_MIN = (2, 10)
PENDING_WARN = 5_000
"""Messages that a consumer has not taken yet; a healthy one is hundreds behind at most."""
REDELIVERED_WARN = 1_000
HOUR_SECONDS = 3600.0
REPLICAS_IN_A_CLUSTER = 3


@dataclass(frozen=True)
class ConsumerFacts:
    """How far one durable consumer is."""

    name: str
    pending: int
    redelivered: int


@dataclass(frozen=True)
class StreamFacts:
    """One stream beside what this code would make; None where there is none."""

    name: str
    is_events: bool
    there: bool
    wanted_age: float = 0.0
    age: float = 0.0
    wanted_bytes: int = 0
    bytes_max: int = 0
    bytes_used: int = 0
    retention_fits: bool = True
    discards_old: bool = True
    on_disk: bool = True
    sealed: bool = False
    replicas: int = 1
    missing_subjects: tuple[str, ...] = ()
    borrowed: bool = False
    """Whether it also takes in other streams (a mirror, sources)."""
    last_is_ours: bool = True
    """Whether the last message has a relay's headers."""
    consumers: tuple[ConsumerFacts, ...] = ()


@dataclass(frozen=True)
class NatsFacts:
    """The server and our streams on it."""

    trouble: str | None = None
    version: str = ""
    clustered: bool = False
    jetstream: bool = True
    streams: tuple[StreamFacts, ...] = ()


def judge(found: NatsFacts) -> Iterator[Finding]:
    """The server first, then each stream."""
    if found.trouble is not None:
        yield fail("nats", f"NATS does not answer: {found.trouble}", "Start it, or correct HEADRACE_NATS_URL.")
        return
    yield _version(found.version)
    if not found.jetstream:
        yield fail("nats", "JetStream is off: nothing can be delivered.", "Add `jetstream: enabled` to nats.conf.")
        return
    problems = [problem for stream in found.streams for problem in judge_stream(stream, found.clustered)]
    yield from problems or [
        ok("streams", f"{len(found.streams)} streams are as they should be, and their consumers keep up.")
    ]


def _version(version: str) -> Finding:
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < NATS_MIN:
        return fail(
            "nats version", f"NATS {version} is too old.", "Upgrade to nats-server 2.10 or newer, a node at a time."
        )
    return ok("nats version", f"NATS {version}, JetStream enabled.")


def judge_stream(found: StreamFacts, clustered: bool = False) -> Iterator[Finding]:
    """What is wrong with one stream."""
    if not found.there:
        advice = "Start its service, which makes it; if it was there, replays fill the gap. Run the doctor again after."
        yield fail("streams", f"{found.name} is missing.", advice)
        return
    yield from _limits(found)
    yield from _policies(found)
    if clustered and found.replicas < REPLICAS_IN_A_CLUSTER:
        said = f"{found.name} has {found.replicas} of {REPLICAS_IN_A_CLUSTER} replicas: it is away when its server is."
        yield warn("streams", said, f"nats stream edit {found.name} --replicas {REPLICAS_IN_A_CLUSTER}")
    if not found.last_is_ours or found.borrowed:
        said = f"{found.name} holds messages that no relay of ours published."
        advice = "Find the publisher, and let only the service's own NATS user publish there (docs/security.md)."
        yield fail("foreign messages", said, advice)
    yield from _consumers(found)


def _limits(found: StreamFacts) -> Iterator[Finding]:
    as_it_was = "A service that is started again raises it; a lower limit makes replays of what should be a delivery."
    if found.wanted_age and 0 < found.age < found.wanted_age:
        kept, wanted = found.age / HOUR_SECONDS, found.wanted_age / HOUR_SECONDS
        said = f"{found.name} keeps events for {kept:.1f} h instead of {wanted:.0f} h."
        yield warn("streams", said, as_it_was)
    if found.wanted_bytes and 0 < found.bytes_max < found.wanted_bytes:
        yield warn(
            "streams", f"{found.name} may hold {found.bytes_max:,} bytes instead of {found.wanted_bytes:,}.", as_it_was
        )


def _policies(found: StreamFacts) -> Iterator[Finding]:
    anew = f"Stop the services, `nats stream rm {found.name}`, start them: it is made anew and filled from the ledger."
    if not found.retention_fits:
        yield fail(
            "streams", f"{found.name} has another retention policy than ours: messages go before they are read.", anew
        )
    if not found.on_disk:
        yield warn("streams", f"{found.name} is kept in memory: a restart of NATS empties it.", anew)
    if not found.discards_old:
        said = f"{found.name} refuses new messages when it is full, instead of dropping old ones."
        yield fail("streams", said, f"nats stream edit {found.name} --discard old")
    if found.sealed:
        yield fail("streams", f"{found.name} is sealed: nothing can be published.", anew)
    if found.missing_subjects:
        said = f"{found.name} does not take {', '.join(found.missing_subjects)}."
        yield fail("streams", said, "Start its service again, which adds them.")


def _consumers(found: StreamFacts) -> Iterator[Finding]:
    for consumer in found.consumers:
        if consumer.pending > PENDING_WARN:
            said = f"{consumer.name} has {consumer.pending:,} messages of {found.name} still to take."
            advice = "Look whether its service runs and is not blocked (`headrace status`); for work, add workers."
            yield warn("consumers", said, advice)
        if consumer.redelivered > REDELIVERED_WARN:
            said = f"{consumer.name} was given {consumer.redelivered:,} messages again and has not confirmed them."
            yield warn("consumers", said, "Its process dies or is too slow: look into its log.")


async def gather(bus: "Bus", ledgers: Iterable[str]) -> NatsFacts:
    """What the server says of itself and of our streams."""
    from nats.js.errors import NotFoundError, ServiceUnavailableError

    from chassis import provision

    info = bus.nc._server_info  # noqa: SLF001 - the client publishes the version, and not who else is in the cluster
    version = str(info.get("version", ""))
    wanted = [(provision.event_stream(bus.namespace, name), True) for name in ledgers]
    wanted.append((provision.work_stream(bus.namespace), False))
    try:
        await bus.js.account_info()
        streams = [await _stream(bus, config, is_events) for config, is_events in wanted]
    except (NotFoundError, ServiceUnavailableError):
        return NatsFacts(version=version, jetstream=False)
    return NatsFacts(version=version, clustered=bool(info.get("cluster")), streams=tuple(streams))


async def _stream(bus: "Bus", wanted: Any, is_events: bool) -> StreamFacts:
    from nats.js.api import DiscardPolicy, StorageType
    from nats.js.errors import NotFoundError

    try:
        info = await bus.js.stream_info(wanted.name)
    except NotFoundError:
        return StreamFacts(wanted.name, is_events, there=False)
    config = info.config
    return StreamFacts(
        name=wanted.name,
        is_events=is_events,
        there=True,
        wanted_age=wanted.max_age or 0.0,
        age=config.max_age or 0.0,
        wanted_bytes=wanted.max_bytes or 0,
        bytes_max=config.max_bytes or 0,
        bytes_used=info.state.bytes,
        retention_fits=config.retention == wanted.retention,
        discards_old=config.discard == DiscardPolicy.OLD,
        on_disk=config.storage == StorageType.FILE,
        sealed=config.sealed,
        replicas=config.num_replicas or 1,
        missing_subjects=tuple(one for one in wanted.subjects or () if one not in (config.subjects or ())),
        borrowed=bool(config.sources or config.mirror),
        last_is_ours=not is_events or await _last_is_ours(bus, wanted),
        consumers=tuple(
            [
                ConsumerFacts(each.name, each.num_pending or 0, each.num_redelivered or 0)
                for each in await bus.js.consumers_info(wanted.name)
            ]
        ),
    )


async def _last_is_ours(bus: "Bus", wanted: Any) -> bool:
    from nats.js.errors import NotFoundError

    from chassis.envelope import POSITION

    try:
        last = await bus.js.get_last_msg(wanted.name, wanted.subjects[0])
    except NotFoundError:
        return True
    return POSITION in (last.headers or {})
