"""Blueprints and templates over HTTP: what is asked of the service, and how its answer goes out."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from contracts.blueprint import (
    ArchiveBlueprint,
    BlueprintBody,
    BlueprintView,
    CloneTemplate,
    CreateBlueprint,
    GetBlueprint,
    ListBlueprints,
    ListTemplates,
    UpdateBlueprint,
    ValidateBlueprint,
    ValidateText,
    ValidationView,
)
from contracts.refusal import Missing, Problem
from gateway import examples
from tests.gateway.fakes import BLUEPRINT_ID, FakeHouse, reference

PATH = "/api/v2/blueprints"
ONE = f"{PATH}/{BLUEPRINT_ID}"
BODY = examples.BLUEPRINT_BODY


def view(**changes: Any) -> BlueprintView:
    """A blueprint as the service shows it."""
    return BlueprintView.model_validate(examples.BLUEPRINT | changes)


async def test_create_answers_the_blueprint_and_where_it_is(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(CreateBlueprint, lambda command: view(id=command.blueprint_id))

    answer = await ada.post(PATH, json=BODY)

    (command,) = house.asked_for(CreateBlueprint)
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{PATH}/{command.blueprint_id}"
    assert answer.headers["etag"] == '"1"'
    assert command.body == BlueprintBody.model_validate(BODY)
    assert command.blueprint_id.version == 7


async def test_the_service_s_bytes_go_out_as_they_are(ada: httpx.AsyncClient, house: FakeHouse):
    odd = b'{"version" : 3,\n "id":"x", "cost": 0.10}'
    await house.when(GetBlueprint, odd)

    answer = await ada.get(ONE)

    assert answer.content == odd
    assert answer.headers["content-type"] == "application/json"


async def test_a_dry_run_answers_what_is_wrong_and_creates_nothing(ada: httpx.AsyncClient, house: FakeHouse):
    problems = (Problem(pointer="/nodes/1", code="unreachable", message="Nothing leads here."),)
    await house.when(ValidateBlueprint, ValidationView(valid=False, problems=problems))

    answer = await ada.post(f"{PATH}?dry_run=true", json=BODY)

    assert answer.status_code == 200
    assert answer.json() == {"valid": False, "problems": [problem.model_dump() for problem in problems]}
    assert not house.asked_for(CreateBlueprint)


async def test_a_dry_run_of_a_body_that_cannot_be_read_tells_its_problems(ada: httpx.AsyncClient):
    answer = await ada.post(f"{PATH}?dry_run=true", json={"name": 7, "nodes": [{"id": "a"}]})

    assert answer.status_code == 200
    assert answer.json()["valid"] is False
    assert {problem["pointer"] for problem in answer.json()["problems"]} == {"/name", "/nodes/0/type"}


class TestABodyOutOfShape:
    """What the gateway finds itself is not all: the service is shown the body as it was sent."""

    BODY = b'{"name": 7, "nodes": [{"id": "a", "type": "\\u00e4"}]}'
    FOUND = (
        Problem(pointer="/name", code="wrong_type", message="Must be text."),
        Problem(pointer="/nodes/0/type", code="unknown_node_type", message="No."),
    )

    @pytest.fixture(autouse=True)
    async def _judged(self, house: FakeHouse) -> None:
        await house.when(ValidateText, ValidationView(valid=False, problems=self.FOUND))

    async def test_is_refused_with_all_that_the_service_finds(self, ada: httpx.AsyncClient, house: FakeHouse):
        answer = await ada.post(PATH, content=self.BODY)

        (query,) = house.asked_for(ValidateText)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")
        assert answer.json()["errors"] == [problem.model_dump() for problem in self.FOUND]
        assert (query.text, query.blueprint_id, query.caller.user_id) == (self.BODY.decode(), None, "ada")
        assert not house.asked_for(CreateBlueprint)

    async def test_is_told_the_same_on_a_dry_run(self, ada: httpx.AsyncClient):
        answer = await ada.post(f"{PATH}?dry_run=true", content=self.BODY)

        assert answer.json() == {"valid": False, "problems": [problem.model_dump() for problem in self.FOUND]}

    async def test_of_an_update_is_judged_as_one(self, ada: httpx.AsyncClient, house: FakeHouse):
        answer = await ada.put(ONE, content=self.BODY, headers={"If-Match": '"3"'})

        (query,) = house.asked_for(ValidateText)
        assert answer.status_code == 422
        assert (query.blueprint_id, query.if_match) == (BLUEPRINT_ID, 3)
        assert not house.asked_for(UpdateBlueprint)

    async def test_of_an_update_tells_nothing_to_whom_it_is_invisible(self, ada: httpx.AsyncClient, house: FakeHouse):
        await house.when(ValidateText, Missing("blueprint_not_found", "There is no such blueprint."))

        answer = await ada.put(ONE, content=self.BODY)

        assert (answer.status_code, answer.json()["code"]) == (404, "blueprint_not_found")

    async def test_is_refused_for_its_shape_alone_while_the_service_is_away(
        self, ada: httpx.AsyncClient, house: FakeHouse
    ):
        await house.leave(ValidateText)

        answer = await ada.post(PATH, content=self.BODY)

        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/name"]


async def test_a_dry_run_of_no_json_is_still_malformed(ada: httpx.AsyncClient):
    assert (await ada.post(f"{PATH}?dry_run=true", content=b"{")).status_code == 400


@pytest.mark.parametrize("value", ["yes", "1", "True", ""])
async def test_a_flag_is_true_or_false(ada: httpx.AsyncClient, value: str):
    assert (await ada.post(f"{PATH}?dry_run={value}", json=BODY)).status_code == 400


async def test_get_answers_the_version_asked_for_with_its_etag(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(GetBlueprint, lambda query: view(version=query.version or 9))

    latest = await ada.get(ONE)
    third = await ada.get(f"{ONE}?version=3")

    assert (latest.headers["etag"], third.headers["etag"]) == ('"9"', '"3"')
    assert [query.blueprint_id for query in house.asked_for(GetBlueprint)] == [BLUEPRINT_ID, BLUEPRINT_ID]


@pytest.mark.parametrize("version", ["0", "-1", "x", "2147483648"])
async def test_a_version_is_a_small_positive_number(ada: httpx.AsyncClient, version: str):
    assert (await ada.get(f"{ONE}?version={version}")).status_code == 400


@pytest.mark.parametrize(
    ("header", "expected"), [(None, None), ("*", None), ('"4"', 4), ('W/"4"', 4), ("4", 4), (' "4" ', 4)]
)
async def test_put_hands_the_expected_version_on(
    ada: httpx.AsyncClient, house: FakeHouse, header: str | None, expected: int | None
):
    await house.when(UpdateBlueprint, view(version=5))

    answer = await ada.put(ONE, json=BODY, headers={"If-Match": header} if header else {})

    assert (answer.status_code, answer.headers["etag"]) == (200, '"5"')
    assert house.asked_for(UpdateBlueprint)[0].if_match == expected


async def test_an_etag_that_was_never_given_is_a_412(ada: httpx.AsyncClient):
    assert (await ada.put(ONE, json=BODY, headers={"If-Match": '"abc"'})).status_code == 412


async def test_delete_says_nothing_however_often(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(ArchiveBlueprint, reference(archived=True))

    answers = [await ada.delete(ONE), await ada.delete(ONE)]

    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b""), (204, b"")]


@pytest.mark.parametrize(("body", "name"), [(b"", None), (b"{}", None), (b'{"name":"Mine"}', "Mine")])
async def test_clone_makes_a_blueprint_of_the_caller_s_own(
    ada: httpx.AsyncClient, house: FakeHouse, body: bytes, name: str | None
):
    await house.when(CloneTemplate, lambda command: view(id=command.clone_id, parent_id=BLUEPRINT_ID))

    answer = await ada.post(f"{ONE}/clone", content=body)

    (command,) = house.asked_for(CloneTemplate)
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{PATH}/{command.clone_id}"
    assert (command.template_id, command.name) == (BLUEPRINT_ID, name)


async def test_lists_hand_every_filter_on(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(ListBlueprints, b'{"items":[],"next_cursor":null}')
    filters = {"owner": "ada", "team": "engines", "tag": "a b", "q": "50 % ü", "node_type": "tool", "cursor": "abc"}

    answer = await ada.get(PATH, params={**filters, "is_template": "false", "limit": "200"})

    (query,) = house.asked_for(ListBlueprints)
    assert answer.json() == {"items": [], "next_cursor": None}
    assert query.model_dump(exclude={"caller"}) == {**filters, "is_template": False, "limit": 200}


async def test_lists_have_their_defaults(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(ListTemplates, b'{"items":[],"next_cursor":null}')

    await ada.get("/api/v2/templates")

    assert house.asked_for(ListTemplates)[0].model_dump(exclude={"caller"}) == {
        "tag": None,
        "q": None,
        "limit": 50,
        "cursor": None,
    }


async def test_the_template_library_knows_fewer_keys(ada: httpx.AsyncClient):
    assert (await ada.get("/api/v2/templates?owner=ada")).status_code == 400


async def test_an_id_may_be_written_in_capitals(ada: httpx.AsyncClient, house: FakeHouse):
    await house.when(GetBlueprint, view())

    await ada.get(f"{PATH}/{str(BLUEPRINT_ID).upper()}")

    assert house.asked_for(GetBlueprint)[0].blueprint_id == UUID(str(BLUEPRINT_ID))
