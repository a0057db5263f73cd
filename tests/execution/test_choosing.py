"""A blueprint leaves middleware out and orders the rest, within what the deployment enforces."""

from typing import Any

import pytest

from contracts.instance_events import InstanceRequested
from contracts.refusal import Invalid
from contracts.workflow import MiddlewareChoice
from execution.choosing import chosen
from execution.middleware import caching, quota, rate_limiting, validation
from execution.pipeline import DECIDING
from tests.support.builders import a_graph, a_node
from tests.support.mill import Mill

REQUEST = DECIDING[InstanceRequested]
SCHEMA = {"type": "object"}


def choosing(**choice: Any) -> tuple[Any, ...]:
    return chosen(REQUEST, MiddlewareChoice(**choice), {"rate_limiting", "quota"})


class TestTheOrder:
    def test_without_wishes_it_is_the_deployments(self) -> None:
        assert choosing() == REQUEST

    def test_what_is_left_out_is_not_heard(self) -> None:
        assert choosing(leave_out=("validation",)) == (rate_limiting.admit, quota.admit, caching.recall_run)

    def test_those_that_are_named_come_first(self) -> None:
        assert choosing(order=("caching",)) == (
            caching.recall_run,
            rate_limiting.admit,
            quota.admit,
            validation.check_input,
        )

    def test_what_the_deployment_requires_is_heard_where_it_was_put(self) -> None:
        wishes = {"leave_out": ("rate_limiting", "validation"), "order": ("caching",)}
        assert choosing(**wishes) == (rate_limiting.admit, quota.admit, caching.recall_run)


class TestOnTheRealStack:
    GRAPH = a_graph("start -> a", a_node("a", "tool", name="fail", arguments={"error_type": "transient"}))

    async def test_without_validation_any_input_will_do(self, mill: Mill) -> None:
        choice = {"leave_out": ["validation"]}
        blueprint = await mill.know(a_graph("start -> a"), input_schema=SCHEMA, middleware=choice)
        assert (await mill.execute(blueprint, "no object")).status == "completed"

    async def test_without_retry_the_first_failure_stands(self, mill: Mill) -> None:
        retry = {"max_attempts": 3, "backoff_seconds": 0}
        blueprint = await mill.know(self.GRAPH, retry=retry, middleware={"leave_out": ["retry"]})
        answer = await mill.execute(blueprint)
        assert "NodeRetryScheduled" not in await mill.told(answer.instance_id)

    async def test_what_is_required_and_what_is_unknown_is_refused_with_the_place(self, mill: Mill) -> None:
        choice = {"leave_out": ["rate_limiting", "critical_section"], "order": ["cahcing"]}
        blueprint = await mill.know(a_graph("start -> a"), middleware=choice)
        with pytest.raises(Invalid) as refused:
            await mill.execute(blueprint)
        assert [(problem.pointer, problem.code) for problem in refused.value.errors] == [
            ("/config/middleware/leave_out/0", "required_middleware"),
            ("/config/middleware/leave_out/1", "required_middleware"),
            ("/config/middleware/order/0", "unknown_middleware"),
        ]
