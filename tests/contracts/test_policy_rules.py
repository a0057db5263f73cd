"""The rules for policies, of a node and of the whole blueprint."""

from collections.abc import Iterator
from typing import Any

import pytest

from contracts.refusal import Problem
from contracts.workflow import BlueprintConfig, WorkflowGraph
from tests.support.judging import START, TOOL, codes, holding, node, problems, with_node

BAD_SCHEMA = {"type": "text"}


def of_config(**config: Any) -> dict[str, str]:
    return codes(problems([START], [], config))


class TestExpressionsInPolicies:
    def test_are_judged_as_they_stand(self) -> None:
        config = {"cache": {"key": "input.x +"}, "concurrency": {"key": "nodes.nobody"}, "fallback": ["${ input. }"]}
        assert codes(with_node(node("work", "tool", name="echo", **config))) == {
            "/nodes/1/config/cache/key": "bad_expression",
            "/nodes/1/config/concurrency/key": "unknown_node_reference",
            "/nodes/1/config/fallback/0": "bad_expression",
        }

    def test_may_be_of_any_value_and_see_what_the_node_sees(self) -> None:
        config = {"cache": {"key": "[input.x, nodes.start]"}, "concurrency": {"key": "string(item)"}, "fallback": None}
        work = node("work", "tool", name="echo", **config)
        assert with_node(holding("map", work, items=[1])) == {}

    def test_a_fallback_may_read_the_error(self) -> None:
        assert with_node(node("work", "tool", name="echo", fallback="${ error.message }")) == {}


class TestSchemas:
    @pytest.mark.parametrize("key", ["state_schema", "output_schema"])
    def test_of_a_node_are_schemas(self, key: str) -> None:
        assert codes(with_node(node("work", **{key: BAD_SCHEMA}))) == {f"/nodes/1/config/{key}/type": "bad_schema"}
        assert with_node(node("work", **{key: {"type": "object"}})) == {}

    def test_of_forms_are_schemas(self) -> None:
        assert codes(with_node(node("ask", "approval", form=BAD_SCHEMA))) == {"/nodes/1/config/form/type": "bad_schema"}
        waits = {"a/b": {"approval": {"form": BAD_SCHEMA}}, "late": {"seconds": 60}, "again": {"approval": {}}}
        found = codes(with_node(node("first", "race", waits=waits)))
        assert found == {"/nodes/1/config/waits/a~1b/approval/form/type": "bad_schema"}

    def test_of_forms_with_templates_are_known_only_when_they_are_asked(self) -> None:
        form = {"properties": {"size": {"enum": "${ input.sizes }"}}}
        assert with_node(node("ask", "approval", form=form)) == {}


class TestPoliciesByType:
    @pytest.mark.parametrize(
        ("kind", "config"),
        [
            ("delay", {"seconds": 1}),
            ("signal", {"name": "go"}),
            ("approval", {}),
            ("variable", {"operation": "delete", "name": "x"}),
        ],
    )
    def test_what_asks_nothing_is_not_cached(self, kind: str, config: dict[str, Any]) -> None:
        found = with_node(node("work", kind, cache={"ttl_seconds": 5}, **config))
        sentence = (
            f"A node of type `{kind}` asks nothing that could be remembered: leave `cache` out of `work`, "
            "or put it on the tool, http, model or blueprint node whose answer you mean."
        )
        assert found == {"/nodes/1/config/cache": ("nothing_to_cache", sentence)}
        assert with_node(node("work", kind, cache=False, **config)) == {}

    def test_bodies_and_the_start_are_not_cached(self) -> None:
        found = with_node(holding("region", cache={"ttl_seconds": 5}))
        assert codes(found) == {"/nodes/1/config/cache": "nothing_to_cache"}
        found = problems([node("s", "start", cache={"ttl_seconds": 5})], [])
        assert codes(found) == {"/nodes/0/config/cache": "nothing_to_cache"}

    def test_signs_of_life_come_from_workers(self) -> None:
        assert with_node(node("work", "tool", name="echo", heartbeat_seconds=5)) == {}
        found = with_node(node("wait", "signal", name="go", heartbeat_seconds=5))
        sentence = "`signal` gives no signs of life to wait for; limit `wait` by `timeout_seconds`."
        assert found == {"/nodes/1/config/heartbeat_seconds": ("no_heartbeat", sentence)}

    def test_tokens_come_from_models(self) -> None:
        limit = {"limit": 100, "count": "tokens"}
        assert with_node(node("ask", "model", prompt="Hi", rate_limit=limit)) == {}
        found = with_node(node("work", "tool", name="echo", rate_limit=limit))
        assert codes(found) == {"/nodes/1/config/rate_limit/count": "no_tokens"}


class TestTheBlueprintsOwn:
    def test_keys_are_made_before_anything_has_happened(self) -> None:
        key = {"key": "input.customer + instance.user_id"}
        assert of_config(concurrency=key, cache=key) == {}
        found = problems([START], [], {"concurrency": {"key": "nodes.start.x"}, "cache": {"key": "vars.x +"}})
        sentence = "`nodes.start.x` reads `nodes`; before a run begins there are only `input` and `instance`."
        assert found["/config/concurrency/key"] == ("not_known_yet", sentence)
        assert found["/config/cache/key"][0] == "bad_expression"

    def test_executor_is_one_of_the_deployment(self) -> None:
        assert of_config(executor="langgraph") == {}
        sentence = "There is no executor `fast`; known are sequential, parallel, langgraph."
        assert problems([START], [], {"executor": "fast"}) == {"/config/executor": ("unknown_executor", sentence)}
        assert problems([START], [], {"executor": "fast"}, executors=("fast",)) == {}

    def test_executor_may_have_rules_of_its_own(self) -> None:
        def refuse(graph: WorkflowGraph, config: BlueprintConfig) -> Iterator[Problem]:
            yield Problem(pointer="/nodes/0", code="too_fast", message=f"{graph.nodes[0].id}, {config.executor}")

        rules = {"sequential": refuse}
        assert problems([START], [], {"executor": "parallel"}, executor_rules=rules) == {}
        found = problems([START], [], {"executor": "sequential"}, executor_rules=rules)
        assert found == {"/nodes/0": ("too_fast", "start, sequential")}

    def test_middleware_is_named_once_and_known(self) -> None:
        assert of_config(middleware={"leave_out": ["caching"], "order": ["retry", "validation"]}) == {}
        choice = {"leave_out": ["caching", "magic"], "order": ["retry", "caching"]}
        assert of_config(middleware=choice) == {
            "/config/middleware/leave_out/1": "unknown_middleware",
            "/config/middleware/order/1": "named_twice",
        }
        assert codes(problems([START], [], {"middleware": {"order": ["magic"]}}, middleware=("magic",))) == {}

    def test_rate_limits_count_what_there_is(self) -> None:
        tokens = {"limit": 1, "count": "tokens"}
        assert of_config(rate_limit={"limit": 1}, rate_limits=[tokens, {**tokens, "node_type": "model"}]) == {}
        found = of_config(
            rate_limit={"limit": 1, "node_type": "agent"}, rate_limits=[tokens, {**tokens, "node_type": "http"}]
        )
        assert found == {
            "/config/rate_limit/node_type": "unknown_node_type",
            "/config/rate_limits/1/node_type": "no_tokens",
        }


def test_everything_is_told_at_once() -> None:
    work = {
        **TOOL,
        "config": {"name": "echo", "cache": {"key": ""}, "join": {"kind": "n_of_m", "n": 3}, "fallback": "${"},
    }
    found = problems([START, work], [{"source": "start", "target": "work", "on_error": []}], {"executor": "x"})
    assert set(found) == {
        "/nodes/1/config/cache/key",
        "/nodes/1/config/fallback",
        "/nodes/1/config/join/n",
        "/edges/0/on_error",
        "/config/executor",
    }
