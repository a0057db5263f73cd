"""A command that is asked again while the first one waits for a worker: whoever comes late takes nothing away."""

import asyncio
from typing import Any

import pytest

from chassis import clock
from contracts.execution import ExecuteBlueprint
from execution import door, handlers
from execution.domain.instance import Instance
from execution.domain.turn import Turn
from execution.driving.running import Run
from tests.support.builders import a_graph, an_execution
from tests.support.eventually import eventually
from tests.support.mill import Mill


async def recorded(mill: Mill, command: ExecuteBlueprint) -> Instance:
    """The request in the ledger, as a worker without a free place records it: nobody has begun it."""
    version = await mill.at.known.at(command.blueprint)
    instance = Instance(command.instance_id, version.graph)
    turn = Turn(instance, clock.now())
    turn.take(door.requested(command, door.effective_config(version.config, command), turn.now, None))
    await mill.at.records.append(turn.events)
    return instance


@pytest.fixture
async def slow_to_begin(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """The first beginning of a run takes until this is set."""
    go_on = asyncio.Event()
    begin, begun = Run.begin, []

    async def begin_slowly(run: Run, *arguments: object) -> None:
        begun.append(run)
        if len(begun) == 1:
            await go_on.wait()
        await begin(run, *arguments)

    monkeypatch.setattr(Run, "begin", begin_slowly)
    return go_on


@pytest.mark.parametrize("of_the_worker", ["work_message", "nudge"])
async def test_what_makes_work_is_not_lost_on_a_run_that_will_not_begin(
    mill: Mill, slow_to_begin: asyncio.Event, of_the_worker: str
) -> None:
    command = an_execution(await mill.know(a_graph("start -> a")), wait_seconds=0)
    await recorded(mill, command)
    asked_again = asyncio.create_task(mill.runtime.bus.ask_for(command))
    worker = mill.at.worker
    await eventually(lambda: command.instance_id in worker.runs)

    if of_the_worker == "work_message":
        worker.spawn(worker.attend(command.instance_id, 0))
        await asyncio.sleep(0)
    else:
        worker.request(command.instance_id)
    slow_to_begin.set()

    assert (await asked_again).instance_id == command.instance_id
    assert (await mill.at.endings.wait(command.instance_id, 10)).status == "completed"


async def test_while_the_first_is_being_recorded_the_second_waits_for_its_answer(
    mill: Mill, slow_to_begin: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = an_execution(await mill.know(a_graph("start -> a")), wait_seconds=0)
    admit, admitted = handlers.admit, []

    async def admit_and_count(command: ExecuteBlueprint, *arguments: Any) -> Instance:
        admitted.append(command.instance_id)
        return await admit(command, *arguments)

    monkeypatch.setattr(handlers, "admit", admit_and_count)
    asked = [asyncio.create_task(mill.runtime.bus.ask_for(command)) for _ in range(3)]
    await eventually(lambda: command.instance_id in mill.at.worker.runs)
    slow_to_begin.set()

    assert {answer.instance_id for answer in await asyncio.gather(*asked)} == {command.instance_id}
    assert len(admitted) == 1


async def test_a_run_that_waits_for_a_place_is_answered_without_reading_it_again(
    mill: Mill, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = an_execution(await mill.know(a_graph("start -> a")), wait_seconds=0)
    monkeypatch.setattr(mill.at.worker, "slots", 0)
    monkeypatch.delattr(type(mill.at.records), "load")

    assert (await mill.runtime.bus.ask_for(command)).status == "pending"
