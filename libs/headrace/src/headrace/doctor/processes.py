"""The processes that answer: every service is there, ready, and of the same version as the others."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.doctor.findings import Finding, fail, ok, warn

if TYPE_CHECKING:
    from chassis.bus import Bus

ANSWER_SECONDS = 1.0
"""Nobody knows how many processes there are: whoever has not answered by then is not there."""


@dataclass(frozen=True)
class ProcessFacts:
    """What one process says of itself."""

    service: str
    pid: int
    version: str
    ready: bool
    relays: bool = False
    leads: frozenset[str] = frozenset()
    """The projections that it writes."""
    stopped: tuple[tuple[str, str], ...] = ()
    """Projections that go no further here, and why."""


@dataclass(frozen=True)
class GatewayFacts:
    """What the gateway's readiness says; None where nobody knows its address."""

    url: str
    ready: bool
    reason: str = ""


def judge(processes: list[ProcessFacts], services: Iterable[str]) -> Iterator[Finding]:
    """Who is missing, who is not ready, who is of another version."""
    by_service: defaultdict[str, list[ProcessFacts]] = defaultdict(list)
    for process in processes:
        by_service[process.service].append(process)
    for service in services:
        if not by_service[service]:
            advice = f"Start it: `headrace up`, or `headrace service {service}` beside your own servers."
            yield fail("processes", f"No {service} process answers.", advice)
        elif not any(process.ready for process in by_service[service]):
            said = f"{service} answers, and is not ready: it is draining, or Postgres is away from where it runs."
            yield fail("processes", said, "Look into its log; `headrace status` shows each process.")
    here = [service for service in services if by_service[service]]
    if here:
        yield ok("processes", ", ".join(f"{service} × {len(by_service[service])}" for service in here) + " answer.")
    yield from _versions(processes)
    yield from _stopped(processes)


def _versions(processes: list[ProcessFacts]) -> Iterator[Finding]:
    versions = sorted({process.version for process in processes})
    if len(versions) > 1:
        said = f"Processes of different versions run side by side: {', '.join(versions)}."
        yield warn("versions", said, "Finish the upgrade: old processes stop at facts that newer ones record.")


def _stopped(processes: list[ProcessFacts]) -> Iterator[Finding]:
    led = {(process.service, name) for process in processes for name in process.leads}
    for process in processes:
        for projection, reason in process.stopped:
            if (process.service, projection) in led:
                continue
            said = f"{process.service}/{projection} (pid {process.pid}) stands still: {reason}."
            yield fail("version skew", said, f"Run the newer version of {process.service}; it goes on by itself.")


def judge_gateway(found: GatewayFacts) -> Finding:
    """Whether the door is open."""
    if found.ready:
        return ok("gateway", f"{found.url} takes requests.")
    return fail(
        "gateway", f"{found.url} is not ready: {found.reason}", "Look into the gateway's log, and at what it names."
    )


async def gather(bus: "Bus", services: Iterable[str]) -> list[ProcessFacts]:
    """What every process answers to a ping."""
    answers: list[ProcessFacts] = []

    async def take(message: Any) -> None:
        answers.append(_process(json.loads(message.data)))

    inbox = bus.nc.new_inbox()
    subscription = await bus.nc.subscribe(inbox, cb=take)
    for service in services:
        await bus.nc.publish(bus.subject("ops", service, "ping"), b"", reply=inbox)
    await asyncio.sleep(ANSWER_SECONDS)
    await subscription.unsubscribe()
    return answers


def _process(answer: dict[str, Any]) -> ProcessFacts:
    projections = answer.get("projections", ())
    stopped = [(one["name"], one["stopped"]) for one in projections if one.get("stopped")]
    return ProcessFacts(
        service=answer["service"],
        pid=answer["pid"],
        version=answer["version"],
        ready=answer["ready"],
        relays=answer.get("relay_leader", False),
        leads=frozenset(one["name"] for one in projections if one["leading"]),
        stopped=tuple(stopped),
    )
