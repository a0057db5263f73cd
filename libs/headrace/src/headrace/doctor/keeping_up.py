"""How far what follows a ledger is behind it: the relay, the projections, and the letters they put aside."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.doctor.findings import Finding, fail, ok, warn

if TYPE_CHECKING:
    from chassis.bus import Bus

MUCH = 10_000
"""Facts; whoever is so far behind needs more than a moment."""
STILL_WARN_SECONDS = 10.0
STILL_FAIL_SECONDS = 120.0
"""Whoever is behind and has not moved for so long does not move."""

HEAD = "SELECT coalesce(max(notification_id), 0) FROM events"
BEHIND = "SELECT count(*) FROM (SELECT FROM events WHERE notification_id > $1 {only} LIMIT 1000000) AS behind"
ONLY = "AND topic = ANY($2::text[])"
CHECKPOINTS = """
SELECT projection, source, position, extract(epoch FROM now() - updated_at)::float8 AS still_seconds FROM checkpoints
"""
LETTERS = """
SELECT count(*) FILTER (WHERE position > 0) AS facts, count(*) FILTER (WHERE position = 0) AS foreign_ones
FROM dead_letters WHERE discarded_at IS NULL
"""
HAS_TABLE = "SELECT to_regclass($1) IS NOT NULL"


@dataclass(frozen=True)
class RelayFacts:
    """A ledger and its stream."""

    service: str
    head: int
    published: int
    """The position of the stream's last fact; 0 when there is none."""
    behind: int
    led: bool = True
    """Whether some process says that it publishes."""


@dataclass(frozen=True)
class ProjectionFacts:
    """One projection and the ledger it follows."""

    service: str
    name: str
    position: int
    head: int
    behind: int
    """Facts that it has still to look at."""
    still_seconds: float = 0.0


@dataclass(frozen=True)
class LetterFacts:
    """Dead letters of one service: facts, and messages that no relay published."""

    service: str
    facts: int
    foreign: int


def judge_relay(found: RelayFacts) -> Finding:
    """Whether what is recorded is told."""
    name = f"{found.service}'s ledger"
    if found.published > found.head:
        said = (
            f"{found.service}'s stream knows {found.published}, its ledger ends at {found.head}: it went back in time."
        )
        advice = (
            "A backup was restored beside an older NATS store. Stop the services, remove the streams of this namespace "
            "(`nats stream rm`), start them: the streams are filled from the ledgers."
        )
        return fail("relay", said, advice)
    if found.behind == 0:
        return ok("relay", f"{name} is published to its end ({found.head}).")
    said = f"{found.behind:,} events of {name} are not published yet."
    if not found.led:
        return fail("relay", f"{said} Nobody publishes.", f"Start a {found.service} process, or look into its log.")
    if found.behind > MUCH:
        return warn("relay", said, "Look whether NATS takes messages (disk, limits), and into the service's log.")
    return ok("relay", f"{said} They are on their way.")


def judge_projection(found: ProjectionFacts) -> Finding:
    """Whether the rows follow the facts."""
    name = f"{found.service}/{found.name}"
    if found.position > found.head:
        said = f"{name} stands at {found.position}, but its source's ledger ends at {found.head}: it went back in time."
        return fail("projections", said, f"`headrace rebuild {found.service} {found.name}` makes its rows anew.")
    if found.behind == 0:
        return ok("projections", f"{name} shows everything.")
    said = f"{name} is {found.behind:,} facts behind"
    if found.still_seconds > STILL_WARN_SECONDS:
        level = fail if found.still_seconds > STILL_FAIL_SECONDS else warn
        advice = f"Look into the log of {found.service}: it says what interrupts the projection."
        return level("projections", f"{said} and has not moved for {found.still_seconds:.0f} s.", advice)
    if found.behind > MUCH:
        return warn("projections", f"{said}.", "It catches up by itself; look again in a minute.")
    return ok("projections", f"{said}, and moves.")


def judge_letters(letters: list[LetterFacts]) -> Iterator[Finding]:
    """Facts that were put aside, and messages that should not be there."""
    for found in letters:
        if found.facts:
            redrive = "after an upgrade that reads them, `headrace dead-letters redrive --all`."
            advice = f"`headrace dead-letters` says why; {redrive}"
            yield warn("dead letters", f"{found.service} has put {found.facts} facts aside.", advice)
        if found.foreign:
            said = f"{found.service} was sent {found.foreign} messages that no relay published."
            advice = (
                "Find the publisher and take its permission away; then `headrace dead-letters discard ID --reason …`."
            )
            yield fail("foreign messages", said, advice)
    if letters and not any(found.facts or found.foreign for found in letters):
        yield ok("dead letters", "Nothing was put aside.")


async def gather_relays(bus: "Bus", opened: Mapping[str, Any], leaders: frozenset[str]) -> list[RelayFacts]:
    """Each ledger beside its stream."""
    from chassis.envelope import POSITION
    from chassis.stream_end import last_fact

    found = []
    for service, connection in opened.items():
        if not await connection.fetchval(HAS_TABLE, "events"):
            continue
        last = await last_fact(bus, service)
        published = int((last.headers or {})[POSITION]) if last is not None else 0
        # The end of the ledger is read after the end of the stream: a message of this very moment is no message ahead.
        head = int(await connection.fetchval(HEAD))
        behind = int(await connection.fetchval(BEHIND.format(only=""), published))
        found.append(RelayFacts(service, head, published, behind, service in leaders))
    return found


async def gather_projections(opened: Mapping[str, Any]) -> list[ProjectionFacts]:
    """Each checkpoint beside the ledger it belongs to."""
    from contracts.milestones import milestone_topics

    found = []
    for service, connection in opened.items():
        for row in await connection.fetch(CHECKPOINTS):
            name, source, position, still = row
            if source not in opened:
                continue
            ledger = opened[source]
            # Whoever follows another service's milestones is not sent the rest.
            topics = sorted(milestone_topics(source)) if source != service else []
            only, values = (ONLY, (topics,)) if topics else ("", ())
            behind = int(await ledger.fetchval(BEHIND.format(only=only), position, *values))
            head = int(await ledger.fetchval(HEAD))
            found.append(ProjectionFacts(service, name, position, head, behind, still))
    return found


async def gather_letters(opened: Mapping[str, Any]) -> list[LetterFacts]:
    """How many letters each service keeps."""
    return [
        LetterFacts(service, *await connection.fetchrow(LETTERS))
        for service, connection in opened.items()
        if await connection.fetchval(HAS_TABLE, "dead_letters")
    ]
