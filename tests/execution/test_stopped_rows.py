"""Who stopped a run is told the same by its row and by its facts."""

import asyncpg
import pytest

from contracts import instance_events as facts
from contracts.execution import RunError
from execution.domain.instance import Instance
from execution.reading.instances import view_of
from tests.execution.lives import Ledger, Life, one_by_one, project, row_of

STOPS: list[tuple[type[facts.InstanceEvent], type[facts.InstanceEnded], str]] = [
    (facts.InstanceCancelRequested, facts.InstanceCancelled, "Cancelled by bob."),
    (facts.InstanceTerminateRequested, facts.InstanceTerminated, "Terminated by bob."),
]


@pytest.mark.parametrize(("asked", "ended", "message"), STOPS)
@pytest.mark.parametrize("together", [True, False])
async def test_the_row_says_who_it_was(
    rows: asyncpg.Connection,
    ledger: Ledger,
    asked: type[facts.InstanceEvent],
    ended: type[facts.InstanceEnded],
    message: str,
    *,
    together: bool,
) -> None:
    life = Life(ledger)
    life.start()
    life.tell(asked, by="bob")
    life.end(ended)

    await (project(rows, ledger) if together else one_by_one(rows, ledger))

    shown = view_of(await row_of(rows, life)).error
    assert shown == Instance.replay(life.id, ledger.facts).error
    assert shown == RunError(type="cancelled", code=facts.ENDINGS[ended], message=message)


async def test_a_run_that_fails_after_somebody_wanted_it_to_end_says_why(
    rows: asyncpg.Connection, ledger: Ledger
) -> None:
    life = Life(ledger)
    life.tell(facts.InstanceCancelRequested, by="bob")
    life.end(facts.InstanceFailed)

    await one_by_one(rows, ledger)

    assert view_of(await row_of(rows, life)).error == Instance.replay(life.id, ledger.facts).error


async def test_a_retry_forgets_it(rows: asyncpg.Connection, ledger: Ledger) -> None:
    life = Life(ledger)
    life.tell(facts.InstanceCancelRequested, by="bob")
    life.end(facts.InstanceFailed)
    life.tell(facts.InstanceRetried, by="alice")
    life.end(facts.InstanceCancelled)

    await one_by_one(rows, ledger)

    assert view_of(await row_of(rows, life)).error == Instance.replay(life.id, ledger.facts).error
