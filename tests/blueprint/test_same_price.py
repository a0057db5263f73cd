"""To a stranger a blueprint of others is not there: refused in the same words, after the same statements."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from chassis.ids import new_id
from contracts.blueprint import ValidateText
from contracts.refusal import Missing
from tests.blueprint.desk import Desk
from tests.blueprint.shelf import EVE
from tests.support.statements import statements_of

Question = Callable[[Desk, UUID], Awaitable[Any]]


async def judged(desk: Desk, id: UUID) -> Any:
    """The body of an update that has no proper shape."""
    return await desk.ask(ValidateText(caller=EVE, text='{"name": 7}', blueprint_id=id, if_match=3))


QUESTIONS: dict[str, Question] = {
    "get": lambda desk, id: desk.get(id, EVE),
    "get a version": lambda desk, id: desk.get(id, EVE, version=9),
    "resolve": lambda desk, id: desk.resolve(id, EVE),
    "resolve a version": lambda desk, id: desk.resolve(id, EVE, version=9),
    "update": lambda desk, id: desk.update(id, EVE, if_match=9),
    "update badly": lambda desk, id: desk.update(id, EVE, visibility="team"),
    "judge an update": judged,
    "archive": lambda desk, id: desk.archive(id, EVE),
    "clone": lambda desk, id: desk.clone(id, EVE),
}
"""Every question and every order about one blueprint."""


async def test_a_blueprint_of_others_costs_a_stranger_what_one_that_is_not_there_costs(desk: Desk) -> None:
    private = (await desk.create(is_template=True)).id
    teams = (await desk.create(visibility="team", team_id="blue")).id
    archived = (await desk.create()).id
    await desk.archive(archived)
    statements = await statements_of(desk.runtime.pool)

    for name, question in QUESTIONS.items():
        told = []
        for id in (private, teams, archived, new_id()):
            with statements.about(id) as sent, pytest.raises(Missing) as refused:
                await question(desk, id)
            told.append((refused.value.view().model_dump_json().replace(str(id), "…"), sent))
        assert all(found == told[0] for found in told), (name, told)
        assert told[0][1], f"{name}: no statement was seen"
