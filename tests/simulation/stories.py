"""One example as it is lived: executed, answered by those it waits for, and told at its end as on the command line."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from contracts.blueprint import BlueprintBody, BlueprintReference
from contracts.message import Request
from contracts.refusal import Refusal
from contracts.steering import (
    DecideApproval,
    DecisionBody,
    KeyedSignalBody,
    PostSignal,
    SignalBody,
    SignalInstance,
)
from contracts.workflow import WorkflowGraph
from execution.domain.instance import Instance
from headrace.blueprint_file import load_blueprint
from tests.simulation.fate import Died, Fate
from tests.simulation.library import Library
from tests.simulation.world import World
from tests.support.builders import ALICE, a_reference, an_execution
from tests.support.examples import EXAMPLES, Shown, examples, shown

PRICE = UUID(int=0xC0FFEE)
"""The blueprint that `examples/children.yaml` runs."""
KEYS: Mapping[str, str] = {"wait_signal_by_key": "order-17"}
"""Signals of these examples are sent to a key."""
NOT_LIVED = {"executor_langgraph"}
"""Its session works in threads of LangGraph's own."""
PATIENCE_SECONDS = 900.0
ASK_AGAIN_SECONDS = 3.0
THINKING_SECONDS = 0.3
RETRY_STATUS = 503


@dataclass(frozen=True)
class Lived:
    """One command in the head of an example, ready to be executed as often as one likes."""

    shown: Shown
    blueprint: BlueprintReference
    input: Any

    def __str__(self) -> str:
        """For the name of a test."""
        return str(self.shown)

    def given(self, option: str) -> tuple[str, str] | None:
        """Name and value of an option of the command."""
        if option not in self.shown.options:
            return None
        name, _, value = self.shown.options[self.shown.options.index(option) + 1].partition("=")
        return name, value


@dataclass
class Told:
    """What came of one history."""

    world: World
    instance_id: UUID
    ended: bool

    @property
    def end(self) -> str:
        """The run's end as the command line tells it."""
        return told_end(self.world.known[self.instance_id])


def told_end(run: Instance) -> str:
    """The line that the command line prints."""
    if run.error is not None:
        return f"error at {run.error.node_id}  {run.error.message} ({run.error.type}, {run.error.code})"
    return f"output  {json.dumps(run.output, ensure_ascii=False)}"


@cache
def library() -> tuple[Library, Sequence[Lived]]:
    """Every example's blueprint, and every command that stands in the head of one."""
    known, lived = Library(), []
    publish(known, "children/price", PRICE)
    for number, file in enumerate(examples()):
        if file.stem in NOT_LIVED:
            continue
        reference = publish(known, file.stem, UUID(int=number + 1))
        lived += [Lived(command, reference, input_of(command)) for command in shown(file)]
    return known, tuple(lived)


def publish(known: Library, name: str, id: UUID) -> BlueprintReference:
    """One blueprint of alice's."""
    body = BlueprintBody.model_validate(load_blueprint(EXAMPLES / f"{name}.yaml"))
    reference = a_reference(id=id)
    known.add(reference, WorkflowGraph(nodes=body.nodes, edges=body.edges), body.config)
    return reference


def input_of(command: Shown) -> Any:
    """What the command sends; blueprints published with it are named in it."""
    given = json.loads(command.options[1]) if command.options[:1] == ("--input",) else {}
    return given | ({"blueprints": {"price": str(PRICE)}} if "--with" in command.options else {})


async def live_through(story: Lived, fate: Fate, processes: int = 2) -> Told:
    """Execute it once in a world of this fate."""
    world = World(fate, library()[0])
    await world.begin(processes)
    instance_id = UUID(int=0xA11CE)
    world.spawn(insist_on(world, an_execution(story.blueprint, story.input, instance_id=instance_id)))
    world.spawn(answer_it(world, story, instance_id))
    await world.changed.wait()
    ended = await world.over(PATIENCE_SECONDS)
    return Told(world, instance_id, ended)


async def insist_on(world: World, request: Request) -> Any:
    """Ask until somebody answers; whoever dies over it never does."""
    while True:
        asked = asyncio.create_task(world.anybody().answer(request))
        world.tasks.add(asked)
        done, _ = await asyncio.wait((asked,), timeout=ASK_AGAIN_SECONDS)
        if done:
            try:
                return asked.result()
            except Died:
                continue
            except Refusal as refusal:
                if refusal.status != RETRY_STATUS:
                    return refusal
                await asyncio.sleep(ASK_AGAIN_SECONDS)


async def answer_it(world: World, story: Lived, instance_id: UUID) -> None:
    """What the person at the command line does once the run waits."""
    request = answer_of(story, instance_id)
    if request is None:
        return
    while (run := world.known.get(instance_id)) is None or not run.waits:
        world.changed.clear()
        await world.changed.wait()
    await asyncio.sleep(THINKING_SECONDS)
    await insist_on(world, request)


def answer_of(story: Lived, instance_id: UUID) -> Request | None:
    """The signal or the decision that the command names."""
    if signal := story.given("--signal"):
        name, payload, signal_id = signal[0], json.loads(signal[1]), UUID(int=0x5160A1)
        key = KEYS.get(story.shown.file.stem)
        if key is not None:
            keyed = KeyedSignalBody(name=name, key=key, payload=payload)
            return PostSignal(caller=ALICE, blueprint=story.blueprint, signal_id=signal_id, body=keyed)
        body = SignalBody(name=name, payload=payload)
        return SignalInstance(caller=ALICE, instance_id=instance_id, signal_id=signal_id, body=body)
    if approved := story.given("--approve"):
        agreed = DecisionBody(form=json.loads(approved[1]) if approved[1] else None)
        return DecideApproval(caller=ALICE, instance_id=instance_id, approved=True, body=agreed)
    if rejected := story.given("--reject"):
        refused = DecisionBody(comment=rejected[1])
        return DecideApproval(caller=ALICE, instance_id=instance_id, approved=False, body=refused)
    return None
