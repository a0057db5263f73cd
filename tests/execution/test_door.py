"""What an execution may override."""

from uuid import uuid4

import pytest

from chassis.ids import new_id
from contracts.blueprint import BlueprintReference
from contracts.execution import ExecuteBlueprint, ExecuteBody
from contracts.message import Caller
from contracts.refusal import Invalid
from contracts.vocabulary import Vocabulary
from execution.door import check_config


def execute(**config: object) -> ExecuteBlueprint:
    reference = BlueprintReference(
        id=uuid4(),
        version=1,
        position=1,
        latest_version=1,
        owner_id="ada",
        team_id=None,
        visibility="private",
        archived=False,
    )
    body = ExecuteBody.model_validate({"config": config})
    return ExecuteBlueprint(caller=Caller(user_id="ada"), instance_id=new_id(), blueprint=reference, body=body)


def test_an_execution_may_choose_its_executor_and_what_its_answer_depends_on() -> None:
    check_config(execute(executor="sequential", cache={"key": "input.question"}))


def test_what_there_is_not_is_refused_with_all_that_is_wrong() -> None:
    with pytest.raises(Invalid) as refused:
        check_config(execute(executor="fast", cache={"key": "nodes.start"}))
    assert refused.value.code == "invalid_config"
    assert [(problem.pointer, problem.code) for problem in refused.value.errors] == [
        ("/config/executor", "unknown_executor"),
        ("/config/cache/key", "not_known_yet"),
    ]


def test_an_installed_executor_may_be_chosen() -> None:
    check_config(execute(executor="fast"), Vocabulary(executors=("fast",)))
