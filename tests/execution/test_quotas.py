"""Quotas of users and teams: what is refused at the door, what is counted, and that no place is lost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chassis.ids import new_id
from contracts.blueprint import BlueprintReference
from contracts.execution import CancelInstance
from contracts.quotas import QuotaLimits
from contracts.refusal import Refusal, TooMany
from contracts.steering import RetryInstance
from execution.memory.quotas import PostgresQuotas
from execution.middleware.contract import Quota
from execution.middleware.quota import seconds_to_midnight
from tests.execution.asking import begun, order, reaches
from tests.execution.guarded import guarded_mill, two_workers
from tests.support.access_facts import Access
from tests.support.builders import ALICE, BOB, a_graph, a_node, a_reference
from tests.support.eventually import eventually
from tests.support.lent_databases import LentDatabases
from tests.support.mill import Mill

Both = tuple[Mill, Access]
QUICK = a_graph("start -> a", "a -> end")
WAITS = a_graph("start -> a", "a -> end", a_node("a", "signal", name="go"))
ASKS = a_graph("start -> ask", a_node("ask", "model", provider="offline", model="echo", prompt="one two three"))


@pytest.fixture
async def both(databases: LentDatabases, nats_url: str, namespace: str, tmp_path: Path) -> AsyncIterator[Both]:
    """Execution at work, and access that tells."""
    async with guarded_mill(databases, nats_url, namespace, tmp_path) as at_work:
        yield at_work


async def limited(mill: Mill, access: Access, kind: Any = "user", owner: str = "alice", **limits: Any) -> None:
    """A quota, once execution has heard of it."""
    await access.limit(kind, owner, **limits)

    def heard() -> bool:
        found = quotas_of(mill).known.get((kind, owner))
        return found is not None and found.limits == QuotaLimits(**limits)

    await eventually(heard)


def quotas_of(mill: Mill) -> PostgresQuotas:
    quotas = mill.at.pipeline.around.quotas
    assert isinstance(quotas, PostgresQuotas)
    return quotas


async def outcome(mill: Mill, blueprint: BlueprintReference, **changed: Any) -> str:
    """How one execution goes: its status, or the code it is refused with."""
    try:
        return str((await mill.execute(blueprint, **changed)).status)
    except Refusal as refusal:
        return refusal.code


async def refused(mill: Mill, blueprint: BlueprintReference, **changed: Any) -> TooMany:
    with pytest.raises(TooMany) as refusal:
        await mill.execute(blueprint, **changed)
    assert refusal.value.code == "quota_exceeded"
    return refusal.value


class TestExecutionsPerDay:
    async def test_what_is_over_is_refused_until_midnight(self, both: Both) -> None:
        mill, access = both
        blueprint = await mill.know(QUICK)
        await limited(mill, access, executions_per_day=2)
        assert [await outcome(mill, blueprint) for _ in range(2)] == ["completed", "completed"]
        refusal = await refused(mill, blueprint)
        assert "You may have 2 executions a day" in refusal.detail
        assert refusal.retry_after_seconds == pytest.approx(seconds_to_midnight(datetime.now(UTC)), abs=60)

    async def test_a_team_s_counts_for_whoever_runs_its_blueprints(self, both: Both) -> None:
        mill, access = both
        teams = await mill.know(QUICK)
        own = a_reference(position=0)
        await mill.meet(own, QUICK)
        await limited(mill, access, "team", "mill", executions_per_day=1)
        assert [await outcome(mill, own) for _ in range(2)] == ["completed", "completed"]
        assert await outcome(mill, teams) == "completed"
        assert "Team mill may have 1 executions a day" in (await refused(mill, teams)).detail

    async def test_others_are_not_concerned_and_a_lifted_quota_binds_nobody(self, both: Both) -> None:
        mill, access = both
        everybodys = a_reference(position=0, visibility="public")
        await mill.meet(everybodys, QUICK)
        await limited(mill, access, executions_per_day=0)
        assert await outcome(mill, everybodys, caller=BOB) == "completed"
        assert await outcome(mill, everybodys) == "quota_exceeded"
        await limited(mill, access)
        assert await outcome(mill, everybodys) == "completed"

    async def test_asking_again_for_the_same_run_takes_nothing_more(self, both: Both) -> None:
        mill, access = both
        blueprint, instance_id = await mill.know(QUICK), new_id()
        await limited(mill, access, executions_per_day=1)
        answers = [await mill.execute(blueprint, instance_id=instance_id) for _ in range(3)]
        assert {answer.status for answer in answers} == {"completed"}

    async def test_no_blueprint_leaves_it_out(self, both: Both) -> None:
        mill, access = both
        blueprint = await mill.know(QUICK, middleware={"leave_out": ["quota"]})
        await limited(mill, access, executions_per_day=9)
        assert await outcome(mill, blueprint) == "invalid_middleware"


class TestConcurrentExecutions:
    async def test_an_end_makes_room(self, both: Both) -> None:
        mill, access = both
        waits = await mill.know(WAITS)
        await limited(mill, access, concurrent_executions=1)
        first = await begun(mill, waits)
        assert (await refused(mill, waits)).retry_after_seconds == 5.0
        await mill.runtime.bus.ask_for(CancelInstance(caller=ALICE, instance_id=first))
        await reaches(mill, first, "cancelled")
        assert await outcome(mill, await mill.know(QUICK)) == "completed"
        assert await outcome(mill, await mill.know(QUICK)) == "completed"

    async def test_a_run_that_goes_on_after_its_failure_holds_a_place_again(self, both: Both) -> None:
        mill, access = both
        blueprint = await mill.know(a_graph("start -> b", a_node("b", "tool", name="fail")))
        await limited(mill, access, concurrent_executions=1)
        failed = await mill.execute(blueprint)
        changed = "SELECT since FROM quota_places WHERE NOT live"
        before = await mill.runtime.pool.fetchval(changed)
        await order(mill, RetryInstance, failed.instance_id)
        # Held once more, and given back once more.
        await eventually(lambda: later(mill, changed, before))
        assert await outcome(mill, await mill.know(QUICK)) == "completed"

    async def test_a_run_that_is_waited_for_is_a_part_of_the_one_that_waits(self, both: Both) -> None:
        mill, access = both
        child = await mill.know(ASKS)
        parent = await mill.know(a_graph("start -> call", a_node("call", "blueprint", blueprint_id=str(child.id))))
        await limited(mill, access, concurrent_executions=1, executions_per_day=1, tokens_per_day=1)
        assert await outcome(mill, parent) == "completed"
        await limited(mill, access, tokens_per_day=1)
        assert "1 tokens a day" in (await refused(mill, await mill.know(QUICK))).detail

    async def test_a_run_that_nobody_waits_for_is_one_of_its_own(self, both: Both) -> None:
        mill, access = both
        call = a_node("call", "blueprint", blueprint_id=str((await mill.know(QUICK)).id), wait=False)
        await limited(mill, access, executions_per_day=1)
        error = (await mill.execute(await mill.know(a_graph("start -> call", call)))).error
        assert error is not None
        assert (error.type, error.code, error.node_id) == ("transient", "quota_exceeded", "call")


class TestTokensAndCost:
    async def test_what_a_run_used_is_held_against_the_next(self, both: Both) -> None:
        mill, access = both
        asks = await mill.know(ASKS)
        await limited(mill, access, tokens_per_day=1)
        assert await outcome(mill, asks) == "completed"
        assert "You may have 1 tokens a day" in (await refused(mill, asks)).detail

    async def test_money_is_counted_exactly_and_once_however_often_it_is_told(self, both: Both) -> None:
        mill, access = both
        quotas = quotas_of(mill)
        await limited(mill, access, cost_per_day="0.30")
        answer = await mill.execute(await mill.know(QUICK))
        instance = await mill.at.records.load(answer.instance_id)
        for cost in ("0.1", "0.1", "0.2", "0.3"):
            instance.figures.cost = type(instance.figures.cost)(cost)
            await quotas.charge(instance)
        assert str(await mill.runtime.pool.fetchval("SELECT cost FROM quota_usage")) == "0.3"
        assert "0.30 US dollars a day" in (await refused(mill, await mill.know(QUICK))).detail


class TestManyWorkers:
    async def test_at_the_same_instant_no_more_come_in_than_may(
        self, databases: LentDatabases, nats_url: str, namespace: str
    ) -> None:
        async with two_workers(databases, nats_url, namespace) as (one, other, access):
            waits = await one.know(WAITS)
            for mill in (one, other):
                await limited(mill, access, executions_per_day=9, concurrent_executions=5)
            asked = [outcome(mill, waits, wait=0) for mill in (one, other) * 10]
            outcomes = await asyncio.gather(*asked)
            assert (len(outcomes) - outcomes.count("quota_exceeded"), len(outcomes)) == (5, 20)

    async def test_a_place_that_nothing_came_of_is_given_back(self, both: Both) -> None:
        mill, access = both
        quotas, blueprint = quotas_of(mill), await mill.know(QUICK)
        await limited(mill, access, executions_per_day=1, concurrent_executions=1)
        # A worker died between taking the place and recording the run.
        assert await quotas.take(new_id(), quotas.of("alice", None), counted=True) is None
        assert await outcome(mill, blueprint) == "quota_exceeded"
        await quotas.tidy_up(lost_seconds=60)
        assert await outcome(mill, blueprint) == "quota_exceeded"
        await quotas.tidy_up(lost_seconds=0)
        assert await outcome(mill, blueprint) == "completed"

    async def test_an_end_that_nobody_counted_is_counted(self, both: Both) -> None:
        mill, access = both
        quotas, blueprint, pool = quotas_of(mill), await mill.know(ASKS), mill.runtime.pool
        await limited(mill, access, concurrent_executions=1, tokens_per_day=1_000_000)
        await mill.execute(blueprint)
        # A worker died between recording the end and counting it.
        await pool.execute("UPDATE quota_places SET live = true, tokens = 0")
        await pool.execute("UPDATE quota_usage SET tokens = 0")
        assert await outcome(mill, blueprint) == "quota_exceeded"

        async def counted() -> bool:
            await quotas.tidy_up(lost_seconds=0)
            return bool(await pool.fetchval("SELECT tokens FROM quota_usage") > 0)

        await eventually(counted)
        assert await outcome(mill, blueprint) == "completed"


async def later(mill: Mill, statement: str, before: datetime) -> bool:
    """Whether a moment in the database has moved on."""
    found = await mill.runtime.pool.fetchval(statement)
    return found is not None and bool(found > before)


def test_the_later_word_counts_in_whichever_order_it_is_heard() -> None:
    quotas = PostgresQuotas(None)  # type: ignore[arg-type]  # knows without asking
    quotas.learn(Quota("user", "alice", QuotaLimits(executions_per_day=2), position=7))
    quotas.learn(Quota("user", "alice", QuotaLimits(executions_per_day=1), position=3))
    (known,) = quotas.of("alice", None)
    assert known.limits.executions_per_day == 2
    assert quotas.of("bob", "mill") == []
