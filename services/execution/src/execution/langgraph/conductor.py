"""Where LangGraph's node functions ask how their visit ends, and where the run looks for what may begin."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from contracts import instance_events as facts
from contracts.execution import RunError
from execution.domain.folds.nodes import visit_of
from execution.domain.visits import Visit
from execution.langgraph.standing import Standing, around, taken_by

LOOK_SECONDS = 0.01
"""How long LangGraph gets to ask for what is ready, before those that wait make room for its next step."""
PATIENCE = 20
"""So many looks find nobody in the nearest graph who could make room, before the graph around it is looked at."""
MAX_LOOKS = 200
"""So often those that wait make room; what is not asked for then, never will be."""


@dataclass(frozen=True, slots=True)
class Done:
    """The visit is recorded as over; the run goes on by these edges."""

    taken: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gone:
    """Nobody waits for the visit any more."""


@dataclass(frozen=True, slots=True)
class Again:
    """Ask again in the next step: this one must end, so that something else can begin."""


@dataclass(frozen=True, slots=True)
class Passes:
    """The visit is a body at work: these frames are to be seen through."""

    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rest:
    """The run leaves memory; the visit is waited for later on."""

    waits_for: tuple[str, ...]


Outcome = Done | Gone | Again | Passes | Rest


class Conductor:
    """The executor of one run: what LangGraph asks for may begin, and nothing else."""

    def __init__(self, standing: Standing, tell: Callable[[], None]) -> None:
        """`tell` is called when there may be something to begin."""
        self.standing = standing
        self.tell = tell
        self.taken: dict[Visit, tuple[int, ...]] = {}
        """By visit that is over: the edges it went on by."""
        self.asked: set[Visit] = set()
        self.fault: RunError | None = None
        self._waiting: dict[Visit, asyncio.Future[Outcome]] = {}
        self._at_work: set[str] = set()
        """Frames whose graphs LangGraph is running."""
        self._leaving: set[str] = set()
        """Frames whose graphs end before they are done, to be gone through again by the next step around them."""
        self._resting = False
        self._looks = 0
        self._fruitless = 0
        self._next_look: asyncio.TimerHandle | None = None

    def choose(self, ready: Collection[Visit], in_flight: int, limit: int) -> Sequence[Visit]:
        """Of what is ready, what LangGraph has asked for."""
        return tuple(islice((visit for visit in ready if visit in self.asked), max(0, limit - in_flight)))

    def expects(self, ready: Collection[Visit]) -> bool:
        """Whether LangGraph has yet to ask for something that is ready."""
        return self.fault is None and any(visit not in self.asked for visit in ready)

    async def outcome(self, visit: Visit) -> Outcome:
        """How the visit ends; asked by its node function, again and again until it is over."""
        if visit not in self.asked:
            self.asked.add(visit)
            self._looks = self._fruitless = 0
        self._at_work.add(visit.scope)
        found = self._answer(visit)
        if found is None:
            self._waiting[visit] = asyncio.get_running_loop().create_future()
            if visit in self.standing.ready:
                self.tell()
            self._look_soon()
            try:
                return await self._waiting[visit]
            finally:
                self._waiting.pop(visit, None)
        if isinstance(found, Passes):
            self._leaving.difference_update(found.scopes)
        return found

    def learn(self, events: Iterable[facts.InstanceEvent]) -> None:
        """Remember which visits are over, by facts that are recorded; the same facts may be told twice."""
        for event in events:
            if isinstance(event, facts.NodeEvent) and (taken := taken_by(event)) is not None:
                self.taken[visit_of(event)] = taken

    def stand(self, standing: Standing) -> None:
        """The instance stands here now: answer whoever can be answered."""
        self.standing = standing
        self._at_work = {scope for scope in self._at_work if standing.is_open(scope)}
        for visit in list(self._waiting):
            if (found := self._answer(visit)) is not None:
                self._say(visit, found)
        if any(visit in self.asked for visit in standing.ready):
            self.tell()
        self._look_soon()

    def rest(self) -> None:
        """Whoever waits now, or asks later for what is not over, is interrupted."""
        self._resting = True
        self.stand(self.standing)

    def stop(self) -> None:
        """Nobody asks any more."""
        self._resting = True
        self._look_soon()

    def ended(self) -> None:
        """LangGraph has come to the end of its graph, or has been interrupted."""
        if not self._resting and not self.standing.is_over and self.standing.ready:
            self.object(f"LangGraph is done, and {self.standing.ready[0].node_id!r} is ready.")

    def object(self, sentence: str) -> None:
        """LangGraph and the graph's own bookkeeping disagree: the run cannot go on."""
        self.fault = disagreement(sentence)
        self.tell()

    def objection(self, visits: Mapping[str, int]) -> RunError | None:
        """Whether LangGraph asks for a visit of the blueprint's own graph that is beyond those there were."""
        for visit in self.asked:
            if not visit.scope and visit.number > visits.get(visit.node_id, 0):
                return disagreement(f"LangGraph asks for {visit.node_id!r}, which never becomes ready.")
        return None

    def _answer(self, visit: Visit) -> Outcome | None:
        taken = self.taken.get(visit)
        if taken is not None:
            return Done(taken)
        if self.standing.is_over or any(is_within(visit.scope, scope) for scope in self._leaving):
            return Gone()
        if self.standing.goes_on and not self.standing.is_open(visit.scope):
            return Gone()
        if self._resting:
            return Rest(self.standing.waits.get(visit, ()))
        scopes = self.standing.passes(visit)
        return Passes(scopes) if scopes else None

    def _say(self, visit: Visit, found: Outcome) -> bool:
        future = self._waiting.get(visit)
        if future is None or future.done():
            return False
        if isinstance(found, Passes):
            self._leaving.difference_update(found.scopes)
        future.set_result(found)
        return True

    def _look_soon(self) -> None:
        if self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None
        if not self._resting and self.expects(self.standing.ready):
            self._next_look = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        """Something is ready, and LangGraph does not ask: its step is held up by those that wait in it."""
        held_up = [visit for visit in self.standing.ready if visit not in self.asked]
        if self._resting or not held_up or self.fault is not None:
            return
        patience = self._fruitless < PATIENCE
        made_room = False
        for scope in {self._graph_around(visit.scope) for visit in held_up}:
            made_room |= self._make_room(scope, patience=patience)
        self._looks += made_room
        self._fruitless = 0 if made_room else self._fruitless + 1
        if self._looks > MAX_LOOKS:
            self.object(f"LangGraph does not ask for {held_up[0].node_id!r}, which is ready.")
            return
        self._look_soon()

    def _make_room(self, scope: str, *, patience: bool) -> bool:
        """Let whoever holds up the graph of this frame end its step: its own visits ask again, passes below leave."""
        made_room = self._release(scope)
        while not patience and not made_room and scope:
            scope = around(scope)
            made_room = self._release(scope)
        return made_room

    def _release(self, scope: str) -> bool:
        released = False
        for visit in list(self._waiting):
            if visit.scope == scope:
                released |= self._say(visit, Again())
            elif is_within(visit.scope, scope):
                self._leave(pass_below(visit.scope, scope))
                released |= self._say(visit, Gone())
        return released

    def _leave(self, scope: str) -> None:
        self._leaving.add(scope)
        self._at_work = {at_work for at_work in self._at_work if not is_within(at_work, scope)}

    def _graph_around(self, scope: str) -> str:
        """The innermost frame around whose graph LangGraph is running."""
        while scope and scope not in self._at_work:
            scope = around(scope)
        return scope


def disagreement(sentence: str) -> RunError:
    """Why a run fails whose executor and whose facts tell different stories."""
    return RunError(type="permanent", code="executor_disagrees", message=sentence)


def is_within(scope: str, outer: str) -> bool:
    """Whether a frame is that one, or somewhere inside it."""
    return scope == outer or not outer or scope.startswith(f"{outer}/")


def pass_below(scope: str, outer: str) -> str:
    """The pass directly inside `outer` in which a frame is."""
    rest = scope[len(outer) + 1 :] if outer else scope
    segment = rest.partition("/")[0]
    return f"{outer}/{segment}" if outer else segment
