"""Let no more than a section's limit in at once; the rest queue, first come first served, fair between owners."""

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from chassis import clock
from contracts import instance_events as facts
from contracts.workflow import policy_of
from execution.domain.folds.waiting import place_of
from execution.domain.graph import CompiledGraph
from execution.domain.instance import Instance
from execution.domain.turn import Turn
from execution.domain.visits import Visit
from execution.middleware.contract import Surroundings, Ticket, Verdict, place_id

SOON = timedelta(seconds=30)
"""A ticket younger than this may belong to a request that is only about to be recorded."""


async def queue(event: facts.SectionRequested, turn: Turn, around: Surroundings) -> Verdict:
    """Draw a ticket; where a place is free the entrance is recorded in the same turn."""
    if place_of(event) not in turn.instance.queueing:
        return Verdict.PASS
    if await around.sections.enter(ticket_of(event, turn.instance.request.user_id)):
        turn.record(facts.SectionEntered, **where(event))
    return Verdict.PASS


async def look_again(event: facts.SectionRequested, instance: Instance, around: Surroundings) -> None:
    """A place may have become free while the request was being recorded, when nobody could be told yet."""
    if place_of(event) not in instance.queueing:
        return
    ticket = ticket_of(event, instance.request.user_id)
    if await around.sections.enter(ticket):
        await let_in([ticket], around)


async def make_way(event: facts.SectionLeft, instance: Instance, around: Surroundings) -> None:
    """Free the place, and let in whoever is next."""
    ticket_id = place_id(instance.id, event.node_id, event.visit, event.scope)
    await let_in(await around.sections.leave(ticket_id), around)


async def tidy_up(event: facts.InstanceClaimed, instance: Instance, around: Surroundings) -> None:
    """The worker before may have died between recording that it left a section and freeing the place."""
    if not uses_sections(instance):
        return
    needed = needed_by(instance)
    for ticket_id in await around.sections.drawn_by(instance.id):
        if ticket_id not in needed:
            await let_in(await around.sections.leave(ticket_id), around)


async def let_in(tickets: Iterable[Ticket], around: Surroundings) -> None:
    """Tell each instance that it is inside; a place that nobody wants any more goes to the next."""
    inside = deque(tickets)
    while inside:
        ticket = inside.popleft()
        entrance = Entrance(ticket)
        await around.tell(ticket.instance_id, entrance)
        if entrance.wanted:
            await around.sections.told(ticket.id)
        elif ticket.age > SOON:
            inside.extend(await around.sections.leave(ticket.id))


class Entrance:
    """Decides what to record for an instance whose ticket has been granted; `wanted` tells what it found."""

    def __init__(self, ticket: Ticket) -> None:
        """`wanted` is true when the instance queues, or is inside already."""
        self.ticket = ticket
        self.wanted = False

    def __call__(self, instance: Instance) -> Sequence[facts.InstanceEvent]:
        """The entrance, if it is still waited for."""
        ticket = self.ticket
        place = None if ticket.node_id is None else Visit(ticket.node_id, ticket.visit or 1, ticket.scope)
        self.wanted = not instance.ended and (place in instance.queueing or place in instance.held)
        if place not in instance.queueing or instance.ended:
            return ()
        requested = instance.queueing[place]
        entered = facts.SectionEntered(
            originator_id=instance.id,
            originator_version=instance.version + 1,
            timestamp=clock.now(),
            **where(requested),
        )
        return (entered,)


def ticket_of(event: facts.SectionRequested, owner: str) -> Ticket:
    """The ticket for this request: the same however often it is drawn."""
    return Ticket(
        id=place_id(event.originator_id, event.node_id, event.visit, event.scope),
        section_key=event.section_key,
        places=event.limit,
        owner=owner,
        instance_id=event.originator_id,
        node_id=event.node_id,
        visit=event.visit,
        scope=event.scope,
    )


def where(event: facts.SectionRequested) -> dict[str, Any]:
    """What the entrance has in common with the request."""
    return event.model_dump(include={"section_key", "node_id", "visit", "scope"})


def needed_by(instance: Instance) -> set[UUID]:
    """The tickets of what queues, or is inside."""
    places = (*instance.queueing, *instance.held)
    return {place_id(instance.id, *(place or (None, None, ""))) for place in places}


def uses_sections(instance: Instance) -> bool:
    """Whether the instance may ever hold a ticket."""
    graph = instance.graph
    return instance.request.config.concurrency is not None or (graph is not None and has_sections(graph))


@lru_cache(maxsize=256)
def has_sections(graph: CompiledGraph) -> bool:
    """Whether a node of the graph, bodies included, has a critical section."""
    return any(policy_of(place.nodes[node_id], "concurrency") for node_id, place in graph.places.items())
