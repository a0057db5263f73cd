"""What each middleware does on the real stack; taken out of the table, it is not done."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import ClassVar

import pytest

from chassis.ids import new_id
from chassis.telemetry import render_metrics
from contracts.execution import ExecuteBody, ExecutionView
from contracts.refusal import Invalid, TooMany
from contracts.workflow import RunConfig
from execution.middleware import caching, monitoring, rate_limiting, retry, validation
from tests.support.builders import a_graph, a_node
from tests.support.mill import Mill, milling

ONE_TOOL = a_graph("start -> a", a_node("a", "tool", arguments={"of": "${ input }"}))
FLAKY = a_node("a", "tool", name="fail", arguments={"times": 2, "error_type": "transient", "message": "not yet"})
QUICK_RETRY = {"max_attempts": 3, "backoff_seconds": 0.01}


class Without:
    """Starts a second worker's pipeline with one middleware taken out of the table."""

    def __init__(self, dsn: str, nats_url: str, namespace: str) -> None:
        self.where = dsn, nats_url, namespace

    @asynccontextmanager
    async def __call__(self, module: ModuleType) -> AsyncIterator[Mill]:
        async with milling(*self.where, arrange=lambda pipeline: pipeline.without(module)) as at:
            yield at


@pytest.fixture
def without(execution_dsn: str, nats_url: str, namespace: str) -> Without:
    return Without(execution_dsn, nats_url, namespace)


class TestValidation:
    SCHEMA: ClassVar = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}

    async def test_refuses_input_with_every_problem_and_writes_nothing(self, mill: Mill) -> None:
        blueprint, before = await mill.know(ONE_TOOL, input_schema=self.SCHEMA), await mill.runtime.store.head()
        with pytest.raises(Invalid) as refused:
            await mill.execute(blueprint, {"n": "one"})
        assert [problem.pointer for problem in refused.value.errors] == ["/input/n"]
        assert await mill.runtime.store.head() == before

    async def test_passes_input_that_fits(self, mill: Mill) -> None:
        blueprint = await mill.know(ONE_TOOL, input_schema=self.SCHEMA)
        assert (await mill.execute(blueprint, {"n": 1})).status == "completed"

    async def test_taken_out_nothing_is_refused(self, without: Without) -> None:
        async with without(validation) as mill:
            blueprint = await mill.know(ONE_TOOL, input_schema=self.SCHEMA)
            assert (await mill.execute(blueprint, {"n": "one"})).status == "completed"


class TestRateLimiting:
    LIMIT: ClassVar = {"limit": 2, "per_seconds": 60.0}

    async def test_refuses_what_is_over_and_says_when_to_come_back(self, mill: Mill) -> None:
        blueprint = await mill.know(ONE_TOOL, rate_limit=self.LIMIT)
        for _ in range(2):
            answer = await mill.execute(blueprint)
            assert "InstanceAdmitted" in await mill.told(answer.instance_id)
        before = await mill.runtime.store.head()
        with pytest.raises(TooMany) as refused:
            await mill.execute(blueprint)
        assert refused.value.retry_after_seconds is not None
        assert 0 < refused.value.retry_after_seconds <= 30
        assert await mill.runtime.store.head() == before

    async def test_a_request_that_was_admitted_is_not_refused_when_it_is_asked_again(self, mill: Mill) -> None:
        blueprint, instance_id = await mill.know(ONE_TOOL, rate_limit=self.LIMIT | {"limit": 1}), new_id()
        first = await mill.execute(blueprint, instance_id=instance_id)
        assert await mill.execute(blueprint, instance_id=instance_id) == first

    async def test_queues_what_is_over_when_asked_to(self, mill: Mill) -> None:
        limit = {"limit": 1, "per_seconds": 0.3, "on_limit": "queue"}
        blueprint = await mill.know(ONE_TOOL, rate_limit=limit)
        await mill.execute(blueprint)
        later = await mill.execute(blueprint)
        assert later.status == "completed"
        assert "InstanceThrottled" in await mill.told(later.instance_id)
        assert later.metrics is not None
        assert later.metrics.queue_time_ms > 50

    async def test_taken_out_everything_is_admitted(self, without: Without) -> None:
        async with without(rate_limiting) as mill:
            blueprint = await mill.know(ONE_TOOL, rate_limit=self.LIMIT)
            assert {(await mill.execute(blueprint)).status for _ in range(4)} == {"completed"}


class TestCaching:
    async def twice(self, mill: Mill, **config: object) -> tuple[ExecutionView, ExecutionView]:
        blueprint = await mill.know(ONE_TOOL, **config)
        return await mill.execute(blueprint, 1), await mill.execute(blueprint, 1)

    async def test_answers_the_same_input_from_memory(self, mill: Mill) -> None:
        first, second = await self.twice(mill, cache={"ttl_seconds": 60})
        assert second.output == first.output
        assert second.metrics is not None
        assert (second.metrics.cache_hits, second.metrics.nodes_executed) == (1, 0)
        assert "CacheHit" in await mill.told(second.instance_id)

    async def test_runs_other_input(self, mill: Mill) -> None:
        blueprint = await mill.know(ONE_TOOL, cache={"ttl_seconds": 60})
        await mill.execute(blueprint, 1)
        assert (await mill.execute(blueprint, 2)).output == {"a": {"of": 2}}

    async def test_one_execution_may_decline(self, mill: Mill) -> None:
        blueprint = await mill.know(ONE_TOOL, cache={"ttl_seconds": 60})
        await mill.execute(blueprint, 1)
        fresh = await mill.execute(blueprint, body=ExecuteBody(input=1, config=RunConfig(cache=False)))
        assert "CacheHit" not in await mill.told(fresh.instance_id)

    async def test_never_remembers_a_failure(self, mill: Mill) -> None:
        failing = a_graph("start -> a", a_node("a", "tool", name="fail", arguments={"times": 99}))
        blueprint = await mill.know(failing, cache={"ttl_seconds": 60})
        assert {(await mill.execute(blueprint, 1)).status for _ in range(2)} == {"failed"}

    async def test_a_node_is_answered_from_memory(self, mill: Mill) -> None:
        cached = a_node("a", "tool", arguments={"of": "${ input.a }"}, cache={"ttl_seconds": 60})
        blueprint = await mill.know(a_graph("start -> a", cached))
        await mill.execute(blueprint, {"a": 1, "b": 1})
        second = await mill.execute(blueprint, {"a": 1, "b": 2})
        assert second.output == {"a": {"of": 1}}
        assert second.metrics is not None
        assert second.metrics.cache_hits == 1

    async def test_taken_out_everything_runs(self, without: Without) -> None:
        async with without(caching) as mill:
            _, second = await self.twice(mill, cache={"ttl_seconds": 60})
            assert second.metrics is not None
            assert (second.metrics.cache_hits, second.metrics.nodes_executed) == (0, 2)


class TestRetry:
    async def test_tries_a_failed_node_again_until_it_succeeds(self, mill: Mill) -> None:
        answer = await mill.execute(await mill.know(a_graph("start -> a", FLAKY), retry=QUICK_RETRY))
        assert answer.status == "completed"
        assert answer.metrics is not None
        assert (answer.metrics.retries, answer.metrics.errors) == (2, 2)
        assert (await mill.told(answer.instance_id)).count("NodeRetryScheduled") == 2

    async def test_gives_up_after_its_attempts(self, mill: Mill) -> None:
        policy = QUICK_RETRY | {"max_attempts": 2}
        answer = await mill.execute(await mill.know(a_graph("start -> a", FLAKY), retry=policy))
        assert answer.error is not None
        assert (answer.status, answer.error.message) == ("failed", "not yet")

    async def test_a_nodes_own_policy_comes_first(self, mill: Mill) -> None:
        patient = FLAKY.model_copy(update={"config": {**FLAKY.config, "retry": QUICK_RETRY}})
        answer = await mill.execute(await mill.know(a_graph("start -> a", patient)))
        assert answer.status == "completed"

    async def test_does_not_retry_what_is_permanent(self, mill: Mill) -> None:
        broken = a_node("a", "tool", name="fail", arguments={"times": 1, "error_type": "permanent", "message": "no"})
        answer = await mill.execute(await mill.know(a_graph("start -> a", broken), retry=QUICK_RETRY))
        assert answer.status == "failed"

    async def test_taken_out_the_first_failure_ends_the_run(self, without: Without) -> None:
        async with without(retry) as mill:
            answer = await mill.execute(await mill.know(a_graph("start -> a", FLAKY), retry=QUICK_RETRY))
            assert answer.status == "failed"


class TestMonitoring:
    @staticmethod
    def ended() -> float:
        found = re.search(rb'headrace_instances_ended_total{outcome="completed"} (\S+)', render_metrics())
        return float(found[1]) if found else 0.0

    async def test_counts_what_ended(self, mill: Mill) -> None:
        before = self.ended()
        await mill.execute(await mill.know(ONE_TOOL))
        assert self.ended() == before + 1

    async def test_taken_out_nothing_is_counted(self, without: Without) -> None:
        async with without(monitoring) as mill:
            before = self.ended()
            await mill.execute(await mill.know(ONE_TOOL))
            assert self.ended() == before
