"""Limits on executions, nodes and tokens: of a blueprint, of a node, and of the deployment."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pytest

from contracts import instance_events as facts
from contracts.execution import ExecutionView
from contracts.message import Caller
from contracts.refusal import TooMany
from contracts.workflow import Node
from tests.support.builders import a_graph, a_node
from tests.support.mill import Mill, milling

HOUR = 3600.0
BORIS = Caller(user_id="boris", teams=("mill",))
ASK = a_node("ask", "model", provider="offline", model="echo", prompt="one two three")


def echo(id: str, **policies: Any) -> Node:
    return a_node(id, "tool", **policies)


async def throttled(mill: Mill, answer: ExecutionView) -> list[facts.NodeThrottled]:
    return [fact for fact in await mill.facts(answer.instance_id) if isinstance(fact, facts.NodeThrottled)]


class TestNodes:
    async def test_what_is_over_waits_and_keeps_its_place(self, mill: Mill) -> None:
        limit = {"limit": 1, "per_seconds": 0.4, "count": "nodes", "on_limit": "queue"}
        graph = a_graph("start -> a", "start -> b", "start -> c", echo("a"), echo("b"), echo("c"))
        answer = await mill.execute(await mill.know(graph, rate_limits=[limit]))
        assert answer.status == "completed"
        first, second = await throttled(mill, answer)
        assert first.timestamp < first.due_at
        assert (second.due_at - first.due_at).total_seconds() == pytest.approx(0.4, abs=0.2)

    async def test_what_is_over_is_refused_with_the_time_to_come_back(self, mill: Mill) -> None:
        limit = {"limit": 1, "per_seconds": HOUR, "count": "nodes"}
        graph = a_graph("start -> a", "a -> b", echo("a"), echo("b"))
        answer = await mill.execute(await mill.know(graph, rate_limits=[limit]))
        assert answer.error is not None
        assert (answer.error.type, answer.error.code, answer.error.node_id) == ("transient", "rate_limited", "b")
        failed = [fact for fact in await mill.facts(answer.instance_id) if isinstance(fact, facts.NodeFailed)]
        assert failed[0].retry_after_seconds is not None
        assert failed[0].retry_after_seconds > HOUR / 2

    async def test_a_refused_attempt_is_tried_again_when_there_is_room(self, mill: Mill) -> None:
        limited = echo(
            "b", rate_limit={"limit": 1, "per_seconds": 1.0}, retry={"max_attempts": 3, "backoff_seconds": 0}
        )
        blueprint = await mill.know(a_graph("start -> b", limited))
        first, second = [await mill.execute(blueprint) for _ in range(2)]
        assert (first.status, second.status) == ("completed", "completed")
        assert (await mill.told(second.instance_id)).count("NodeRetryScheduled") == 1

    async def test_only_the_node_type_that_is_meant_is_counted(self, mill: Mill) -> None:
        limit = {"limit": 1, "per_seconds": HOUR, "count": "nodes", "node_type": "model"}
        graph = a_graph("start -> a", "a -> b", "b -> ask", echo("a"), echo("b"), ASK)
        assert (await mill.execute(await mill.know(graph, rate_limits=[limit]))).status == "completed"

    async def test_users_do_not_wait_for_one_another(self, mill: Mill) -> None:
        limited = echo("a", rate_limit={"limit": 1, "per_seconds": HOUR, "scope": "user"})
        blueprint = await mill.know(a_graph("start -> a", limited))
        answers = [await mill.execute(blueprint), await mill.execute(blueprint, caller=BORIS)]
        assert [answer.status for answer in answers] == ["completed", "completed"]
        assert (await mill.execute(blueprint, caller=BORIS)).status == "failed"


class TestTokens:
    LIMIT: ClassVar = {"limit": 5, "per_seconds": 0.3, "count": "tokens", "model": "echo", "on_limit": "queue"}

    async def test_the_tokens_that_were_used_keep_the_next_one_waiting(self, mill: Mill) -> None:
        blueprint = await mill.know(a_graph("start -> ask", ASK), rate_limits=[self.LIMIT])
        first, second = [await mill.execute(blueprint) for _ in range(2)]
        assert await throttled(mill, first) == []
        (waited,) = await throttled(mill, second)
        assert second.status == "completed"
        assert waited.due_at > waited.timestamp

    async def test_another_model_is_not_counted(self, mill: Mill) -> None:
        limits = [self.LIMIT | {"model": "another", "limit": 1, "per_seconds": HOUR}]
        blueprint = await mill.know(a_graph("start -> ask", ASK), rate_limits=limits)
        assert {(await mill.execute(blueprint)).status for _ in range(3)} == {"completed"}


class TestOfTheDeployment:
    @pytest.fixture
    async def strict(self, execution_dsn: str, nats_url: str, namespace: str, tmp_path: Path) -> AsyncIterator[Mill]:
        limits = [{"limit": 2, "per_seconds": HOUR, "scope": "user"}]
        file = tmp_path / "pipeline.json"
        file.write_bytes(
            orjson.dumps({"rate_limits": limits, "max_retry_attempts": 2, "retry": {"backoff_seconds": 0}})
        )
        async with milling(execution_dsn, nats_url, namespace, pipeline=file) as mill:
            yield mill

    async def test_a_users_executions_of_all_blueprints_count_together(self, strict: Mill) -> None:
        for _ in range(2):
            await strict.execute(await strict.know(a_graph("start -> a")))
        with pytest.raises(TooMany) as refused:
            await strict.execute(await strict.know(a_graph("start -> a")))
        assert "2 executions in 3600 s per user" in refused.value.detail

    async def test_it_may_not_be_left_out(self, strict: Mill) -> None:
        blueprint = await strict.know(a_graph("start -> a"), middleware={"order": ["caching", "validation"]})
        for _ in range(2):
            await strict.execute(blueprint)
        with pytest.raises(TooMany):
            await strict.execute(blueprint)

    async def test_retries_are_its_own_where_the_blueprint_has_none_and_cut_where_it_has_more(
        self, strict: Mill
    ) -> None:
        failing = a_graph("start -> a", a_node("a", "tool", name="fail", arguments={"error_type": "transient"}))
        own = {"max_attempts": 5, "backoff_seconds": 0}
        for config in ({}, {"retry": own}):
            answer = await strict.execute(await strict.know(failing, **config))
            assert (await strict.told(answer.instance_id)).count("NodeRetryScheduled") == 1
