"""Runs whose world is the test: nodes end in any order, the process dies or rests in between, nothing is on disk."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

from chassis.ids import new_id
from chassis.memory import MemoryEventStore
from contracts import instance_events as facts
from contracts.workflow import BlueprintConfig, WorkflowGraph, policy_of
from execution import door
from execution.domain.decisions.advancing import MAX_IDLE_CLAIMS, advance, claim, conclude
from execution.domain.decisions.finishing import Outcome, settle
from execution.domain.graph import CompiledGraph
from execution.domain.instance import Instance
from execution.domain.turn import Turn
from execution.domain.visits import Visit
from execution.driving.records import Records
from execution.driving.sessions import open_session
from execution.executors.strategy import Session
from execution.nodes.action import NodeFailure, NodeResult
from tests.support.builders import a_reference, an_execution

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
PATIENCE_SECONDS = 4.0
MAX_FACTS = 3_000

Answer = Callable[[Instance, Visit], Outcome]
"""What an activity comes to; the same for the same visit, whoever asks."""


class Endless(Exception):
    """The data of this run leads round and round."""


class Played:
    """One instance whose activities end when the dice say so."""

    def __init__(
        self, graph: WorkflowGraph, answer: Answer, executor: str, seed: int = 0, trouble: float = 0.0
    ) -> None:
        """`trouble`: how probably the run rests, or its process dies, before the next activity ends."""
        self.graph = CompiledGraph(graph)
        self.answer = answer
        self.dice = Random(seed)
        self.trouble = trouble
        self.records = Records(MemoryEventStore())
        command = an_execution(a_reference(), {})
        self.id = command.instance_id
        self.request = door.requested(command, BlueprintConfig(executor=executor), NOON, new_id())
        self.facts: list[facts.InstanceEvent] = []
        self.session: Session | None = None
        self.news = asyncio.Event()

    async def play(self) -> "Played":
        """To the end."""
        self.instance = Instance(self.id, self.graph)
        await self.turn(lambda turn: turn.take(self.request))
        self.open()
        while not self.instance.ended:
            await self.until_something_runs()
            if self.instance.ended:
                break
            if self.dice.random() < self.trouble and self.instance.idle_claims < MAX_IDLE_CLAIMS:
                await self.be_interrupted()
            elif self.instance.running:
                await self.end_one()
        await self.close()
        return self

    def open(self) -> None:
        """LangGraph goes to work, where it is to."""
        self.session = open_session(self.instance, self.records, self.news.set)

    async def close(self) -> None:
        """In good order."""
        if self.session is not None:
            await self.session.rest()
            self.session.stop()
            self.session = None

    async def until_something_runs(self) -> None:
        """Let LangGraph ask for what is ready."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self.instance.running and not self.instance.ended:
                await self.news.wait()
                self.news.clear()
                await self.turn()
        if self.session is not None:
            # Now and then what else is ready gets the time to begin, too.
            await asyncio.sleep(self.dice.choice((0, 0, 0.002)))
            if self.news.is_set():
                self.news.clear()
                await self.turn()

    async def be_interrupted(self) -> None:
        """The run rests in good order, or its process dies; another one goes on."""
        if self.dice.random() < 0.5:
            await self.close()
        elif self.session is not None:
            self.session.stop()
        self.instance = await self.records.load(self.id, self.graph)
        await self.turn(lambda turn: claim(turn, new_id()))
        self.open()

    async def end_one(self) -> None:
        """One of the activities in flight ends."""
        visit = self.dice.choice(list(self.instance.running))
        attempt = self.instance.running[visit].number
        outcome = self.answer(self.instance, visit)
        await self.turn(lambda turn: settle(turn, visit, attempt, outcome))

    async def turn(self, act: Callable[[Turn], Any] = lambda turn: None) -> None:
        """Let something happen, and everything that follows."""
        turn = Turn(self.instance, NOON, self.session)
        act(turn)
        before = -1
        while len(turn.events) != before and not turn.is_full:
            before = len(turn.events)
            advance(turn)
        conclude(turn)
        if turn.events:
            await self.records.append(turn.events)
            self.facts += turn.events
            if self.session is not None:
                self.session.hear(turn.events, self.instance)
        if len(self.facts) > MAX_FACTS:
            raise Endless

    @property
    def gave_up(self) -> bool:
        """Whether something was under way that nobody waited for any more."""
        return any(isinstance(event, facts.NodeCancelled) for event in self.facts)

    def story(self) -> Counter[str]:
        """What was recorded, node by node, whatever its order."""
        told = (facts.NodeStarted, facts.NodeCompleted, facts.NodeFailed, facts.ErrorCaught, facts.NodeCancelled)
        found: Counter[str] = Counter()
        for event in self.facts:
            if isinstance(event, (*told, facts.BodyStarted, facts.BodyCompleted)):
                rest = {"originator_id", "originator_version", "timestamp", "duration_ms"}
                found[
                    f"{type(event).__name__} {json.dumps(event.model_dump(mode='json', exclude=rest), sort_keys=True)}"
                ] += 1
        return found


def by_dice(seed: int, failing: float = 0.3) -> Answer:
    """Tells, for each edge out of the visited node, whether it is true; fails where an edge would catch it."""

    def answer(instance: Instance, visit: Visit) -> Outcome:
        dice = Random(f"{seed} {visit}")
        graph = instance.frame(visit.scope).graph
        if visit.node_id in graph.catching and dice.random() < failing:
            return NodeFailure("permanent", "broken", "It broke.")
        leave = visit.number > 2
        true = {}
        for index in graph.outgoing[visit.node_id]:
            true[f"e{index}"] = dice.random() < 0.5 and not (leave and index in graph.back)
        if not any(true.values()) and policy_of(graph.nodes[visit.node_id], "split") is None:
            forward = [index for index in graph.outgoing[visit.node_id] if index not in graph.back]
            true |= {f"e{index}": True for index in forward[-1:]}
        return NodeResult(true)

    return answer
