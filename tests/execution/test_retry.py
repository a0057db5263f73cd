"""Who gets another try: by type, by code, for loops and maps as a whole, for the run."""

from typing import Any

import pytest

from contracts import instance_events as facts
from contracts.execution import RunError
from contracts.workflow import Node, RetryPolicy
from execution.domain.backoff import backoff_seconds, tries_again
from tests.support.builders import a_graph, a_node
from tests.support.mill import Mill

TRANSIENT = RunError(type="transient", code="http_503", message="Busy.")
QUICK = {"max_attempts": 3, "backoff_seconds": 0.0}


def flaky(times: int, **policies: Any) -> Node:
    arguments = {"times": times, "error_type": "transient"}
    return a_node("a", "tool", name="fail", arguments=arguments, **policies)


class TestWhoIsTriedAgain:
    @pytest.mark.parametrize(
        ("policy", "again"),
        [
            (RetryPolicy(), True),
            (RetryPolicy(max_attempts=1), False),
            (RetryPolicy(retry_on=("timeout",)), False),
            (RetryPolicy(never_on=("http_503",)), False),
            (RetryPolicy(never_on=("transient",)), False),
            (RetryPolicy(never_on=("http_404",)), True),
        ],
    )
    def test_by_type_and_by_code(self, policy: RetryPolicy, again: bool) -> None:
        assert tries_again(policy, TRANSIENT, 1) is again

    def test_waits_grow_to_their_maximum_and_jitter_only_shortens_them(self) -> None:
        policy = RetryPolicy(backoff_seconds=1, backoff_factor=3, max_backoff_seconds=10, jitter=0.5)
        waits = [backoff_seconds(policy, attempt, "place") for attempt in (1, 2, 3, 90)]
        assert all(longest / 2 <= wait <= longest for wait, longest in zip(waits, (1, 3, 9, 10), strict=True))
        assert waits == [backoff_seconds(policy, attempt, "place") for attempt in (1, 2, 3, 90)]


class TestOnTheRealStack:
    async def test_a_code_that_is_never_tried_again(self, mill: Mill) -> None:
        blueprint = await mill.know(a_graph("start -> a", flaky(1, retry=QUICK | {"never_on": ["failed_on_purpose"]})))
        assert (await mill.execute(blueprint)).status == "failed"

    async def test_a_region_is_tried_again_as_a_whole(self, mill: Mill) -> None:
        body = a_graph("begin -> a", a_node("begin", "start"), flaky(1), start="begin").model_dump(mode="json")
        blueprint = await mill.know(a_graph("start -> part", a_node("part", "region", body=body, retry=QUICK)))
        answer = await mill.execute(blueprint)
        told = [fact for fact in await mill.facts(answer.instance_id) if isinstance(fact, facts.NodeRetryScheduled)]
        assert [(fact.node_id, fact.attempt) for fact in told] == [("part", 2), ("part", 3)]

    async def test_a_failed_run_goes_on_from_where_it_failed(self, mill: Mill) -> None:
        blueprint = await mill.know(
            a_graph("start -> b", "b -> a", a_node("b", "tool"), flaky(1)), instance_retry=QUICK
        )
        answer = await mill.execute(blueprint)
        assert answer.status == "completed"
        told = await mill.told(answer.instance_id)
        assert told.index("InstanceRetryScheduled") < told.index("InstanceRetried")
        begun = [fact.node_id for fact in await mill.facts(answer.instance_id) if isinstance(fact, facts.NodeStarted)]
        assert begun == ["b", "a", "a"]
