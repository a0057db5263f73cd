"""Every example goes on after its worker was stopped in the middle, and ends as the head of its file says."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from contracts.blueprint import BlueprintBody, BlueprintReference
from contracts.workflow import WorkflowGraph
from headrace.blueprint_file import load_blueprint
from tests.execution.asking import begun, decide, post, reaches, signal
from tests.support.eventually import eventually
from tests.support.examples import Shown, examples, shown
from tests.support.mill import Mill, milling

ELSEWHERE = {"children", "join_cancel_rest", "map_until_enough"}
"""Started with other blueprints, or at a nap that a stopping worker would wait for."""
SOON = {"approval_deadline", "race_of_waits"}
"""Those in which somebody must be quicker than a restart may be; here nobody is."""
KEYED = "wait_signal_by_key"


@dataclass(frozen=True)
class Told:
    """One example under way."""

    shown: Shown
    id: UUID
    blueprint: BlueprintReference

    def given(self, option: str) -> tuple[str, Any] | None:
        """Name and value of an option of the command."""
        if option not in self.shown.options:
            return None
        name, _, value = self.shown.options[self.shown.options.index(option) + 1].partition("=")
        return name, value

    @property
    def waits(self) -> bool:
        """Whether somebody must answer."""
        return any(map(self.given, ("--signal", "--approve", "--reject")))

    async def answer(self, mill: Mill) -> None:
        """What the command would have answered."""
        if sent := self.given("--signal"):
            name, payload = sent[0], json.loads(sent[1])
            if self.shown.file.stem == KEYED:
                await post(mill, self.blueprint, name, "order-17", payload)
            else:
                await signal(mill, self.id, name, payload)
        if approved := self.given("--approve"):
            await decide(mill, self.id, form=json.loads(approved[1]))
        if rejected := self.given("--reject"):
            await decide(mill, self.id, approved=False, comment=rejected[1])


async def started(mill: Mill, command: Shown) -> Told:
    body = BlueprintBody.model_validate(load_blueprint(command.file))
    settings = body.config.model_dump(exclude_unset=True)
    blueprint = await mill.know(WorkflowGraph(nodes=body.nodes, edges=body.edges), **settings)
    input = json.loads(command.options[1]) if command.options[:1] == ("--input",) else {}
    return Told(command, await begun(mill, blueprint, input), blueprint)


async def ended(mill: Mill, told: Told) -> str:
    """The run as the command line tells its end."""

    async def over() -> bool:
        return (await mill.at.records.load(told.id)).ended

    await eventually(over, 30)
    run = await mill.instance(told.id)
    if run.error is not None:
        return f"error at {run.error.node_id}  {run.error.message} ({run.error.type}, {run.error.code})"
    return f"output  {json.dumps(run.output, ensure_ascii=False)}"


async def test_it_ends_as_if_nothing_had_been(execution_dsn: str, nats_url: str, namespace: str) -> None:
    files = [file for file in examples() if file.stem not in ELSEWHERE]
    commands = [one for file in files for one in shown(file) if file.stem not in SOON or not one.options]
    async with milling(execution_dsn, nats_url, namespace) as first:
        all_told = [await started(first, command) for command in commands]
        for told in all_told:
            if told.waits:
                await reaches(first, told.id, "waiting")
    async with milling(execution_dsn, nats_url, namespace) as second:
        for told in all_told:
            await told.answer(second)
        ends = await asyncio.gather(*(ended(second, told) for told in all_told))
    for told, end in zip(all_told, ends, strict=True):
        promised = told.shown.prints
        assert end == promised or (promised.endswith("…") and end.startswith(promised[:-1])), told.shown
