"""A simulation that finds nothing must be able to find something: with a promise taken out of the code, it does."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from chassis import memory
from execution.driving import effects
from execution.driving.running import Run
from execution.driving.worker import Worker
from tests.simulation.checking import violations
from tests.simulation.fate import storm
from tests.simulation.stories import library, live_through
from tests.simulation.virtual_time import live

SEEDS = range(1, 30)


def found(about: str) -> bool:
    """Whether a storm over the sagas brings a violation of this kind to light."""
    story = next(story for story in library()[1] if story.shown.file.stem == "saga")
    for seed in SEEDS:
        told = live(live_through(story, storm(seed)))
        if any(about in violation for violation in violations(told.world, ended=told.ended)):
            return True
    return False


def test_a_ledger_that_fences_nobody() -> None:
    with patch.object(memory, "conflict_of", lambda *_: None), patch.object(Run, "reload", _believes_itself):
        assert found("fact ")


def test_effects_that_begin_before_they_are_recorded() -> None:
    with patch.object(Run, "commit", _rash(Run.commit)):
        assert found("before its beginning was recorded")


def test_keys_that_change_with_the_process() -> None:
    with patch.object(effects, "idempotency_key", lambda *_: str(uuid4())):
        assert found("before its beginning was recorded")


def test_instances_of_the_dead_that_nobody_takes() -> None:
    with patch.object(Worker, "may_take", _only_its_own):
        assert found("neither ended nor could end")


async def _believes_itself(run: Run) -> None:
    run.stale = run.spoilt = False


def _rash(commit: Callable[..., Any]) -> Callable[..., Any]:
    async def commit_later(run: Run, *arguments: Any) -> None:
        run.begin_effects()
        await commit(run, *arguments)

    return commit_later


async def _only_its_own(worker: Worker, instance: Any) -> bool:
    return not instance.ended and instance.worker_id in (None, worker.id)
