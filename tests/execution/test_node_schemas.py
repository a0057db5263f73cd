"""What a node declares of the state before it and of its answer: judged, and told with the place."""

from collections import ChainMap
from typing import Any

from contracts.workflow import Node
from execution.domain.node_schemas import check_output, check_state
from tests.support.builders import a_graph, a_node
from tests.support.mill import Mill

AMOUNT = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}}


def a_state_of(nodes: Any) -> dict[str, Any]:
    return {"input": {}, "nodes": nodes, "vars": {}, "instance": {"id": "1"}}


class TestState:
    NODE = a_node(
        "pay", state_schema={"properties": {"nodes": {"required": ["price"], "properties": {"price": AMOUNT}}}}
    )

    def test_what_fits_has_no_complaint(self) -> None:
        assert check_state(self.NODE, a_state_of({"price": {"amount": 3}})) is None

    def test_what_does_not_is_told_with_node_and_place(self) -> None:
        complaint = check_state(self.NODE, a_state_of({"price": {"amount": "three"}}))
        assert complaint is not None
        assert "'pay'" in complaint
        assert "/nodes/price/amount" in complaint

    def test_in_a_body_the_nodes_around_count_too(self) -> None:
        assert check_state(self.NODE, a_state_of(ChainMap({}, {"price": {"amount": 3}}))) is None

    def test_without_a_schema_anything_goes(self) -> None:
        assert check_state(a_node("pay"), {}) is None


class TestOutput:
    NODE: Node = a_node("price", output_schema=AMOUNT)

    def test_every_place_is_told_and_the_rest_is_counted(self) -> None:
        schema = {"type": "object", "required": list("abcde")}
        complaint = check_output(a_node("price", output_schema=schema), {})
        assert complaint is not None
        assert complaint.count("/") == 3
        assert complaint.endswith("(2 more)")

    def test_what_is_no_object_at_all_is_told_at_the_root(self) -> None:
        complaint = check_output(self.NODE, [])
        assert complaint is not None
        assert " /: " in complaint


class TestOnTheRealStack:
    async def test_an_answer_that_does_not_fit_fails_its_node_for_good(self, mill: Mill) -> None:
        retry = {"max_attempts": 3, "backoff_seconds": 0}
        node = a_node("price", "tool", arguments={"amount": "three"}, output_schema=AMOUNT, retry=retry)
        answer = await mill.execute(await mill.know(a_graph("start -> price", node)))
        assert answer.error is not None
        assert (answer.error.type, answer.error.code, answer.error.node_id) == ("permanent", "output_invalid", "price")
        assert "NodeRetryScheduled" not in await mill.told(answer.instance_id)

    async def test_a_state_that_does_not_fit_keeps_the_node_from_beginning(self, mill: Mill) -> None:
        node = a_node("pay", "tool", state_schema={"properties": {"input": AMOUNT}})
        blueprint = await mill.know(a_graph("start -> pay", node))
        assert (await mill.execute(blueprint, {"amount": 3})).status == "completed"
        answer = await mill.execute(blueprint, {})
        assert answer.error is not None
        assert answer.error.code == "state_invalid"
        assert "/input/amount" in answer.error.message
        assert "NodeStarted" not in await mill.told(answer.instance_id)

    async def test_a_pure_node_is_judged_as_well(self, mill: Mill) -> None:
        node = a_node("sum", "transform", output=1, output_schema={"type": "string"})
        answer = await mill.execute(await mill.know(a_graph("start -> sum", node)))
        assert answer.error is not None
        assert answer.error.code == "output_invalid"
