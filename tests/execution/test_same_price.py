"""To a stranger a run of others is not there: refused in the same words, after the same statements."""

from typing import Any
from uuid import UUID

import pytest

from chassis.ids import new_id
from contracts.execution import CancelInstance, FollowInstance, GetInstance, GetInstanceLogs
from contracts.message import Request
from contracts.refusal import Missing
from contracts.steering import (
    CancelNode,
    DecideApproval,
    DecisionBody,
    GetLineage,
    GetWaits,
    PauseInstance,
    ResumeInstance,
    RetryInstance,
    SignalBody,
    SignalInstance,
    TerminateInstance,
)
from tests.execution.asking import STRANGER, begun, has_rested
from tests.support.builders import a_graph, a_node
from tests.support.mill import Mill
from tests.support.statements import statements_of

QUESTIONS: dict[type[Request], dict[str, Any]] = {
    GetInstance: {},
    GetInstanceLogs: {},
    FollowInstance: {},
    GetWaits: {},
    GetLineage: {},
    CancelInstance: {},
    PauseInstance: {},
    ResumeInstance: {},
    RetryInstance: {},
    TerminateInstance: {},
    CancelNode: {"node_id": "review"},
    SignalInstance: {"signal_id": UUID(int=7), "body": SignalBody(name="call"), "idempotency_key": "k"},
    DecideApproval: {"approved": True, "body": DecisionBody()},
}
"""Every question and every order about one run."""


async def test_a_run_of_others_costs_a_stranger_what_one_that_is_not_there_costs(mill: Mill) -> None:
    review = a_node("review", "approval", approvers={"users": ["carol"]})
    waiting = await begun(mill, await mill.know(a_graph("start -> review", review)))
    ended = (await mill.execute(await mill.know(a_graph("start -> work")))).instance_id
    await has_rested(mill, waiting)
    await mill.at.reader.projected.caught_up()
    statements = await statements_of(mill.runtime.pool)

    for kind, members in QUESTIONS.items():
        told = []
        for id in (waiting, ended, new_id()):
            request = kind(**{"caller": STRANGER, "instance_id": id, **members})
            with statements.about(id) as sent, pytest.raises(Missing) as refused:
                await mill.runtime.bus.ask_for(request)
            words = refused.value.view().model_dump_json().replace(str(id), "…")
            told.append((words, sent))
        assert told[0] == told[1] == told[2], kind
        assert told[0][1], f"{kind}: no statement was seen"
