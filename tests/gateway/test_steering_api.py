"""Steering over HTTP: every order reaches execution as it was given, and its answer comes back as it is."""

from typing import Any

import httpx
import pytest

from contracts.message import Caller
from contracts.refusal import Conflict, Forbidden, Missing
from contracts.steering import (
    CancelNode,
    DecideApproval,
    DecisionBody,
    GetLineage,
    GetWaits,
    PauseInstance,
    ResumeInstance,
    RetryInstance,
    SteeringCommand,
    SteeringView,
    TerminateInstance,
)
from gateway import asking, examples
from gateway.api import steering
from tests.gateway.fakes import FakeHouse, problem_of, stranger

PATH = "/api/v2/instances"
ADA = Caller(user_id="ada", teams=("engines",))
ORDERS: list[tuple[str, type[SteeringCommand], str]] = [
    ("pause", PauseInstance, "paused"),
    ("resume", ResumeInstance, "running"),
    ("terminate", TerminateInstance, "terminated"),
    ("retry", RetryInstance, "running"),
]
DECISIONS = [("approve", True), ("reject", False)]


def steered(status: str = "running", *, changed: bool = True) -> Any:
    """What execution answers to an order."""
    return lambda command: SteeringView(instance_id=command.instance_id, status=status, changed=changed)


@pytest.mark.parametrize(("verb", "command", "status"), ORDERS)
@pytest.mark.parametrize(("changed", "code"), [(True, 202), (False, 200)])
async def test_an_order_tells_the_first_time_from_later_ones(
    ada: httpx.AsyncClient,
    house: FakeHouse,
    verb: str,
    command: type[SteeringCommand],
    status: str,
    changed: bool,
    code,
):
    await house.when(command, steered(status, changed=changed))
    id = stranger()

    answer = await ada.post(f"{PATH}/{id}/{verb}")

    assert answer.status_code == code
    assert answer.json() == {"instance_id": str(id), "status": status, "changed": changed}
    assert house.asked == [command(caller=ADA, instance_id=id)]


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Missing("instance_not_found", "None."), 404),
        (Conflict("already_ended", "Over."), 409),
        (Forbidden("not_allowed", "No."), 403),
    ],
)
@pytest.mark.parametrize(("verb", "command", "_"), ORDERS)
async def test_a_refused_order_is_a_problem(
    ada: httpx.AsyncClient, house: FakeHouse, verb, command, _, refusal, status
):
    await house.when(command, refusal)

    answer = await ada.post(f"{PATH}/{stranger()}/{verb}")

    assert problem_of(answer) == (status, refusal.code)


@pytest.mark.parametrize("verb", ["pause", "resume", "terminate", "retry", "approve", "reject", "nodes/a/cancel"])
async def test_an_order_takes_no_query(ada: httpx.AsyncClient, verb: str):
    assert problem_of(await ada.post(f"{PATH}/{stranger()}/{verb}?now=1")) == (400, "bad_query")


@pytest.mark.parametrize("verb", ["pause", "retry"])
async def test_what_is_no_id_names_nothing(ada: httpx.AsyncClient, verb: str):
    assert problem_of(await ada.post(f"{PATH}/abc/{verb}")) == (404, "not_found")


async def test_an_order_that_may_be_heard_twice_is_given_again(
    ada: httpx.AsyncClient, house: FakeHouse, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(asking, "FIRST_SECONDS", 0.3)
    await house.when(PauseInstance, lambda _: None if len(house.asked) == 1 else examples.PAUSED)

    answer = await ada.post(f"{PATH}/{stranger()}/pause")

    assert answer.status_code == 202
    assert len(house.asked_for(PauseInstance)) == 2


async def test_a_retry_is_never_given_twice(ada: httpx.AsyncClient, house: FakeHouse, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(steering, "ORDER_SECONDS", 0.3)
    await house.when(RetryInstance, lambda _: None)

    answer = await ada.post(f"{PATH}/{stranger()}/retry")

    assert problem_of(answer) == (503, "no_answer")
    assert len(house.asked_for(RetryInstance)) == 1


@pytest.mark.parametrize("node", ["review", "a.b_c-1", "x" * 128])
async def test_one_node_can_be_given_up(ada: httpx.AsyncClient, house: FakeHouse, node: str):
    await house.when(CancelNode, steered())
    id = stranger()

    answer = await ada.post(f"{PATH}/{id}/nodes/{node}/cancel")

    assert answer.status_code == 202
    assert house.asked == [CancelNode(caller=ADA, instance_id=id, node_id=node)]


@pytest.mark.parametrize("node", ["a b", "x" * 129, "%00", "ä"])
async def test_what_no_node_can_be_called_is_a_404(ada: httpx.AsyncClient, house: FakeHouse, node: str):
    assert problem_of(await ada.post(f"{PATH}/{stranger()}/nodes/{node}/cancel")) == (404, "node_not_found")
    assert house.asked == []


@pytest.mark.parametrize(("verb", "approved"), DECISIONS)
async def test_a_decision_carries_all_that_was_said(ada: httpx.AsyncClient, house: FakeHouse, verb, approved):
    await house.when(DecideApproval, steered())
    id = stranger()

    answer = await ada.post(f"{PATH}/{id}/{verb}", json=examples.DECISION_BODY)

    assert answer.status_code == 200
    body = DecisionBody(**examples.DECISION_BODY)
    assert house.asked == [DecideApproval(caller=ADA, instance_id=id, approved=approved, body=body)]


@pytest.mark.parametrize(("verb", "approved"), DECISIONS)
async def test_a_decision_may_be_one_word(ada: httpx.AsyncClient, house: FakeHouse, verb: str, approved: bool):
    await house.when(DecideApproval, steered())

    answer = await ada.post(f"{PATH}/{stranger()}/{verb}")

    assert answer.status_code == 200
    assert (house.asked[0].approved, house.asked[0].body) == (approved, DecisionBody())


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"note": "x"}, "/note"),
        ({"comment": "x" * 4_001}, "/comment"),
        ({"form": [1]}, "/form"),
        ({"node_id": 7}, "/node_id"),
    ],
)
async def test_a_decision_that_cannot_be_read_is_a_422(ada: httpx.AsyncClient, house: FakeHouse, body, pointer):
    answer = await ada.post(f"{PATH}/{stranger()}/approve", json=body)

    assert problem_of(answer) == (422, "invalid_body")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert house.asked == []


@pytest.mark.parametrize(
    ("what", "query", "shown"),
    [("waits", GetWaits, examples.WAITS), ("lineage", GetLineage, examples.LINEAGE)],
)
async def test_what_it_waits_for_and_belongs_to_is_shown_as_execution_shows_it(
    ada: httpx.AsyncClient, house: FakeHouse, what: str, query: Any, shown: dict
):
    await house.when(query, shown)
    id = stranger()

    answer = await ada.get(f"{PATH}/{id}/{what}")

    assert (answer.status_code, answer.json()) == (200, shown)
    assert house.asked == [query(caller=ADA, instance_id=id)]
    assert problem_of(await ada.get(f"{PATH}/{id}/{what}?deep=1")) == (400, "bad_query")
