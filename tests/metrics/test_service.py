"""The whole service on real NATS and Postgres, beside services that only tell facts."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import orjson
import pytest

from chassis import checkpoints, clock
from chassis.ids import new_id
from chassis.ledger import Append
from chassis.runtime import Runtime
from chassis.service import Service, running
from chassis.settings import Settings
from contracts.blueprint import BLUEPRINT_EVENTS, BlueprintCreated, BlueprintReference, BlueprintUpdated
from contracts.instance_events import INSTANCE_EVENTS, InstanceEnded, InstanceStarted
from contracts.message import Caller, Event
from contracts.metrics import BlueprintAnalytics, GetBlueprintAnalytics, GetUsage, UsageView
from contracts.refusal import Missing
from contracts.workflow import BlueprintConfig, Node
from metrics.app import SERVICE
from metrics.projections import Executions
from tests.metrics.facts import NOON, ending, retried, thrown
from tests.metrics.naive import check_analytics, within
from tests.support.eventually import eventually
from tests.support.lent_databases import LentDatabases, Tables

ADA, BOB = Caller(user_id="ada"), Caller(user_id="bob")
MONTH = (NOON, NOON + timedelta(days=30))
OWN_TABLES = ("execution_metrics", "execution_rollups", "node_rollups", "known")


@asynccontextmanager
async def idle(runtime: Runtime) -> AsyncIterator[None]:
    """A service that tells, and does nothing else."""
    yield


def telling(name: str, says: Sequence[type[Event]]) -> Service[None]:
    ledger = ("chassis.ledger_migrations", "chassis.delivery_migrations")
    return Service(name=name, answers={}, migrations=ledger, start=idle, says=tuple(says))


EXECUTION, BLUEPRINT = telling("execution", INSTANCE_EVENTS), telling("blueprint", BLUEPRINT_EVENTS)


@dataclass
class House:
    """The running services, and what a test does with them."""

    settings: Settings
    execution: Runtime
    blueprint: Runtime

    @asynccontextmanager
    async def metrics(self) -> AsyncIterator[Runtime]:
        async with running(SERVICE, self.settings) as runtime:
            yield runtime

    async def tell(self, teller: Runtime, *facts: Event) -> None:
        appends = (Append(fact.originator_id, (teller.codec.encode(fact),)) for fact in facts)
        await teller.store.append(*appends)

    async def analytics(self, blueprint_id: UUID, caller: Caller = ADA) -> BlueprintAnalytics:
        query = GetBlueprintAnalytics(caller=caller, since=MONTH[0], until=MONTH[1], blueprint=reference(blueprint_id))
        answer: BlueprintAnalytics = await self.execution.bus.ask_for(query)
        return answer

    async def usage(self, since: datetime, until: datetime) -> UsageView:
        answer: UsageView = await self.execution.bus.ask_for(GetUsage(caller=ADA, since=since, until=until))
        return answer

    async def wipe(self) -> None:
        """Lose the stream of the execution service with everything in it."""
        await self.execution.bus.js.delete_stream(self.execution.bus.stream("execution"))


def reference(blueprint_id: UUID) -> BlueprintReference:
    return BlueprintReference(
        id=blueprint_id,
        version=1,
        position=1,
        latest_version=1,
        owner_id="ada",
        team_id=None,
        visibility="private",
        archived=False,
    )


def told(fact: InstanceEnded) -> InstanceEnded:
    """The same as the first fact of its instance, so that it can stand alone in a ledger."""
    return fact.model_copy(update={"originator_version": 1})


def named(blueprint_id: UUID, name: str, version: int = 1) -> BlueprintCreated | BlueprintUpdated:
    known = {
        "originator_id": blueprint_id,
        "originator_version": version,
        "timestamp": NOON,
        "version": version,
        "name": name,
        "description": "",
        "nodes": (Node(id="start", type="start"),),
        "edges": (),
        "config": BlueprintConfig(),
        "tags": (),
        "is_template": False,
        "by": "ada",
    }
    if version > 1:
        return BlueprintUpdated.model_validate(known)
    owned = {"owner_id": "ada", "team_id": None, "visibility": "private", "parent_id": None}
    return BlueprintCreated.model_validate(known | owned)


@pytest.fixture
async def house(nats_url: str, databases: LentDatabases, namespace: str) -> AsyncIterator[House]:
    """The two tellers at work; a test starts and stops the metrics service itself."""
    tables = [Tables(service.name, tuple(service.migrations)) for service in (EXECUTION, BLUEPRINT, SERVICE)]
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(databases.lend(*tables))
        settings = Settings.load(nats_url=nats_url, postgres_dsn=dsn, namespace=namespace, pool_size=3)
        execution = await stack.enter_async_context(running(EXECUTION, settings))
        blueprint = await stack.enter_async_context(running(BLUEPRINT, settings))
        yield House(settings, execution, blueprint)


def counts(house: House, blueprint_id: UUID, total: int) -> Callable[[], Awaitable[bool]]:
    async def counted() -> bool:
        return (await house.analytics(blueprint_id)).executions.total == total

    return counted


async def test_facts_told_on_the_bus_are_counted_when_they_are_asked_for(house: House) -> None:
    blueprint = new_id()
    facts = [told(fact) for fact in thrown(random.Random(5), 700, [blueprint, new_id()], ["ada", "bob"], days=3)]
    mine = [fact for fact in facts if fact.blueprint_id == blueprint]
    async with house.metrics():
        await house.tell(house.execution, *facts)
        await eventually(counts(house, blueprint, len(mine)))
        check_analytics(await house.analytics(blueprint), within(mine, *MONTH))


async def test_usage_calls_a_blueprint_by_its_latest_name(house: House) -> None:
    blueprint, stranger = new_id(), new_id()
    async with house.metrics():
        await house.tell(house.blueprint, named(blueprint, "draft"))
        await house.tell(house.blueprint, named(blueprint, "refunds", version=2))
        await house.tell(house.execution, told(ending(blueprint)), told(ending(stranger)))

        async def names() -> bool:
            lines = (await house.usage(*MONTH)).by_blueprint
            return {line.blueprint_id: line.name for line in lines} == {blueprint: "refunds", stranger: None}

        await eventually(names)


async def test_what_happened_before_as_of_is_counted_and_as_of_is_recent(house: House) -> None:
    blueprint = new_id()
    async with house.metrics():
        for total in range(1, 4):
            fact = told(ending(blueprint, at=clock.now()))
            await house.tell(house.execution, fact)
            moment = clock.now()

            async def known(moment: datetime = moment) -> UsageView | None:
                answered = await house.usage(moment - timedelta(hours=1), moment)
                assert answered.as_of <= clock.now()
                recent = clock.now() - answered.as_of < timedelta(seconds=2)
                return answered if recent and answered.as_of >= moment else None

            answered = await eventually(known)
            assert answered.executions.total == total


async def test_facts_that_end_nothing_are_passed_over(house: House) -> None:
    started = [InstanceStarted(originator_id=new_id(), originator_version=1, timestamp=NOON) for _ in range(3)]
    async with house.metrics() as runtime:
        await house.tell(house.execution, *started, told(ending(new_id())))

        async def passed() -> bool:
            return await checkpoints.read(runtime.pool, "executions") == await house.execution.store.head()

        await eventually(passed)
        assert await runtime.pool.fetchval("SELECT count(*) FROM execution_metrics") == 1


async def test_what_is_not_visible_is_refused_as_missing_over_the_bus(house: House) -> None:
    async with house.metrics():
        with pytest.raises(Missing, match="no blueprint"):
            await house.analytics(new_id(), BOB)


async def test_the_reply_is_the_documented_json(house: House) -> None:
    async with house.metrics():
        body = await house.execution.bus.ask(GetUsage(caller=ADA, since=MONTH[0], until=MONTH[1]))
    assert set(orjson.loads(body)) == {
        *("user_id", "from", "to", "as_of", "executions", "tokens", "cost", "by_blueprint", "by_day")
    }


async def test_a_stream_lost_while_the_service_was_away_costs_no_fact(house: House) -> None:
    blueprint = new_id()
    async with house.metrics():
        await house.tell(house.execution, *(told(ending(blueprint)) for _ in range(5)))
        await eventually(counts(house, blueprint, 5))
    await house.tell(house.execution, *(told(ending(blueprint)) for _ in range(7)))
    await house.wipe()
    async with house.metrics():
        await house.tell(house.execution, told(ending(blueprint)))
        await eventually(counts(house, blueprint, 13), timeout=20)


async def test_a_stream_lost_while_the_service_runs_costs_no_fact(house: House) -> None:
    blueprint = new_id()
    async with house.metrics():
        await house.tell(house.execution, told(ending(blueprint)))
        await eventually(counts(house, blueprint, 1))
        await house.wipe()
        await house.tell(house.execution, *(told(ending(blueprint)) for _ in range(3)))
        await eventually(counts(house, blueprint, 4), timeout=30)


async def test_rows_made_anew_equal_those_that_grew(house: House) -> None:
    facts = [told(fact) for fact in thrown(random.Random(6), 800, [new_id(), new_id()], ["ada", "bob"], days=4)]
    async with house.metrics() as runtime:
        for begin in range(0, len(facts), 90):
            await house.tell(house.execution, *facts[begin : begin + 90])
        await house.tell(house.execution, *(retried(fact) for fact in facts[::10]))

        async def all_counted() -> bool:
            return await runtime.pool.fetchval("SELECT count(*) FROM execution_metrics") == len(facts) * 9 // 10

        await eventually(all_counted)
        grown = await dump(runtime.pool)
        await runtime.rebuild(Executions())
        assert await dump(runtime.pool) == grown


async def dump(pool: asyncpg.Pool) -> dict[str, list[tuple[object, ...]]]:
    return {table: sorted(map(tuple, await pool.fetch(f"SELECT * FROM {table}"))) for table in OWN_TABLES}
