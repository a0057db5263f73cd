"""Whoever gives up early, an attempt before it begins or a caller before the answer, disturbs nothing else."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from execution.domain.visits import Visit
from execution.driving.running import Run
from execution.driving.worker import Worker
from execution.nodes.action import Cancellation
from tests.support.builders import a_graph, a_node
from tests.support.story import WORKER, Story


@pytest.fixture
async def run() -> Run:
    """A run with one effect in flight; nothing may be performed."""

    async def perform(*_: Any) -> None:
        raise AssertionError("an effect began that nobody wants")

    shop = cast("Any", SimpleNamespace(effects=SimpleNamespace(perform=perform)))
    return Run(Story(a_graph("start -> a", a_node("a", "tool"))).instance, WORKER, shop)


async def test_an_attempt_that_was_given_up_before_it_could_begin_has_no_effect(run: Run) -> None:
    cancellation = Cancellation()
    cancellation.cancel()

    await run.act(Visit("a", 1), 1, cancellation)

    assert run.in_hand == []


async def test_a_caller_that_waits_no_longer_takes_nothing_away_from_the_run(run: Run) -> None:
    leases = cast("Any", SimpleNamespace(worker_id=WORKER))
    worker = Worker(cast("Any", SimpleNamespace(records=None)), cast("Any", None), leases, 1)
    worker.runs[run.instance.id] = run
    impatient, patient = (asyncio.create_task(worker.driven(run.instance.id)) for _ in range(2))
    await asyncio.sleep(0)

    impatient.cancel()
    await asyncio.wait([impatient])
    run.begun.set_result(True)

    assert await patient is run
