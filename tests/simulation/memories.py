"""What all workers share in Postgres, in memory: the rules of answers, rates and critical sections without the SQL."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from chassis import clock
from execution.domain.instance import Instance
from execution.middleware.contract import Awaited, Demand, Grant, Over, Question, Quota, Remembered, Ticket


@dataclass
class Answers:
    """What runs and nodes answered, and who works an answer out."""

    known: dict[str, Remembered] = field(default_factory=dict)
    fillers: dict[str, tuple[UUID, datetime]] = field(default_factory=dict)

    async def recall(self, question: Question) -> Remembered | Awaited | None:
        """What is known; else who works it out, or nobody until now."""
        if question.key in self.known:
            return self.known[question.key]
        now = clock.now()
        filler, since = self.fillers.get(question.key, (question.filler, now))
        if filler != question.filler and now - since < timedelta(seconds=question.lease_seconds):
            return Awaited(now - since)
        self.fillers[question.key] = (question.filler, now)
        return None

    async def remember(self, question: Question, answer: Remembered, ttl_seconds: float) -> None:
        """Keep it."""
        self.known.setdefault(question.key, answer)

    async def give_up(self, key: str, filler: UUID) -> None:
        """Let the next one try."""
        if self.fillers.get(key, (None,))[0] == filler:
            del self.fillers[key]

    async def clear(self, blueprint_id: UUID, node_id: str | None) -> int:
        """Nobody asks for it here."""
        raise NotImplementedError


@dataclass
class Limits:
    """Places under a limit come at even distances."""

    free_at: dict[str, datetime] = field(default_factory=dict)
    taken: dict[str, datetime] = field(default_factory=dict)

    async def take(self, demands: Sequence[Demand], place: str) -> Grant:
        """The next place under the strictest of the limits; the same again for whoever asks again."""
        now = clock.now()
        if place not in self.taken:
            self.taken[place] = max([now, *(self.free_at.get(demand.key, now) for demand in demands)])
            for demand in demands:
                self.free_at[demand.key] = self.taken[place] + timedelta(seconds=demand.per_seconds / demand.limit)
        return Grant(False, max(timedelta(0), self.taken[place] - now), demands[0].key)

    async def charge(self, place: str, tokens: int) -> None:
        """What is typical was right."""


class Quotas:
    """Nobody has one."""

    def of(self, user_id: str, team_id: str | None) -> Sequence[Quota]:
        """None."""
        return ()

    async def take(self, instance_id: UUID, quotas: Sequence[Quota], *, counted: bool) -> Over | None:
        """Never asked."""
        raise NotImplementedError

    async def charge(self, instance: Instance) -> None:
        """Never asked."""
        raise NotImplementedError


@dataclass
class Sections:
    """Tickets in the order in which they were drawn; the first of each section are inside."""

    queues: dict[str, list[Ticket]] = field(default_factory=dict)
    drawn_at: dict[UUID, datetime] = field(default_factory=dict)
    untold_since: dict[UUID, datetime] = field(default_factory=dict)

    async def enter(self, ticket: Ticket) -> bool:
        """Queue once."""
        queue = self.queues.setdefault(ticket.section_key, [])
        if all(one.id != ticket.id for one in queue):
            queue.append(ticket)
            self.drawn_at[ticket.id] = clock.now()
        return any(one.id == ticket.id for one in queue[: ticket.places])

    async def leave(self, ticket_id: UUID) -> Sequence[Ticket]:
        """Whoever is inside now and was not before."""
        for queue in self.queues.values():
            index = next((index for index, one in enumerate(queue) if one.id == ticket_id), None)
            if index is not None:
                places = queue[index].places
                before = {one.id for one in queue[:places]}
                del queue[index]
                inside = [self.aged(one) for one in queue[:places] if one.id not in before]
                self.untold_since |= {one.id: clock.now() for one in inside}
                return inside
        return ()

    async def told(self, ticket_id: UUID) -> None:
        """Its instance knows."""
        self.untold_since.pop(ticket_id, None)

    async def drawn_by(self, instance_id: UUID) -> Sequence[UUID]:
        """Its tickets."""
        return [one.id for queue in self.queues.values() for one in queue if one.instance_id == instance_id]

    async def untold(self, seconds: float, limit: int) -> Sequence[Ticket]:
        """Entrances that nobody has told for so long."""
        since = clock.now() - timedelta(seconds=seconds)
        late = {ticket_id for ticket_id, granted in self.untold_since.items() if granted <= since}
        return [self.aged(one) for queue in self.queues.values() for one in queue if one.id in late][:limit]

    async def to_look_at(self, seconds: float, limit: int) -> Sequence[Ticket]:
        """All of them."""
        return [self.aged(one) for queue in self.queues.values() for one in queue][:limit]

    def aged(self, ticket: Ticket) -> Ticket:
        """The ticket with its age."""
        return replace(ticket, age=clock.now() - self.drawn_at[ticket.id])
