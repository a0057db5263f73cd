"""Who may do what, and that whatever is refused leaves no trace in the ledger."""

from uuid import uuid4

import pytest

from contracts.message import Caller
from contracts.refusal import Conflict, Forbidden, Invalid, Missing, PreconditionFailed, Refusal
from tests.blueprint.shelf import ANN, BEN, EVE

SHARING = {
    "private": {},
    "team": {"visibility": "team", "team_id": "blue"},
    "public": {"visibility": "public"},
    "public with a team": {"visibility": "public", "team_id": "blue"},
    "private with a team": {"visibility": "private", "team_id": "blue"},
}
SEEN_BY = {
    "private": {"ann"},
    "team": {"ann", "ben"},
    "public": {"ann", "ben", "eve"},
    "public with a team": {"ann", "ben", "eve"},
    "private with a team": {"ann"},
}


async def refused(asking) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await asking
    return caught.value


@pytest.mark.parametrize("sharing", SHARING)
async def test_visibility_is_the_same_for_every_question_and_command(desk, sharing):
    id = (await desk.create(is_template=True, **SHARING[sharing])).id
    head = await desk.head()

    for caller in (ANN, BEN, EVE):
        sees = caller.user_id in SEEN_BY[sharing]
        owns = caller is ANN

        for asking in (desk.get, desk.resolve):
            answer = await asking(id, caller) if sees else await refused(asking(id, caller))
            assert isinstance(answer, Missing) != sees, asking
        for page in (await desk.list(caller), await desk.templates(caller)):
            assert (id in [item.id for item in page.items]) == sees
        if not owns:
            for asking in (desk.update, desk.archive):
                assert isinstance(await refused(asking(id, caller)), Forbidden if sees else Missing), asking
        if not sees:
            assert isinstance(await refused(desk.clone(id, caller)), Missing)
    assert await desk.head() == head


async def test_whatever_is_refused_records_nothing(desk):
    mine = (await desk.create(visibility="public")).id
    gone = (await desk.create(is_template=True)).id
    await desk.archive(gone)
    head = await desk.head()

    answers = {
        "invalid create": await refused(desk.create(team_id="red")),
        "taken id": await refused(desk.create(id=mine, name="other")),
        "unknown update": await refused(desk.update(uuid4())),
        "foreign update": await refused(desk.update(mine, BEN)),
        "stale update": await refused(desk.update(mine, if_match=7)),
        "invalid update": await refused(desk.update(mine, visibility="team")),
        "update of an archived one": await refused(desk.update(gone)),
        "unknown archive": await refused(desk.archive(uuid4())),
        "foreign archive": await refused(desk.archive(mine, EVE)),
        "unknown clone": await refused(desk.clone(uuid4())),
        "clone of no template": await refused(desk.clone(mine)),
        "clone of an archived one": await refused(desk.clone(gone)),
        "clone onto a taken id": await refused(desk.clone((await desk.templates()).items[0].id, ANN, mine)),
    }

    assert {name: (type(answer), answer.code) for name, answer in answers.items()} == {
        "invalid create": (Invalid, "invalid_blueprint"),
        "taken id": (Conflict, "blueprint_exists"),
        "unknown update": (Missing, "blueprint_not_found"),
        "foreign update": (Forbidden, "not_the_owner"),
        "stale update": (PreconditionFailed, "version_mismatch"),
        "invalid update": (Invalid, "invalid_blueprint"),
        "update of an archived one": (Conflict, "archived"),
        "unknown archive": (Missing, "blueprint_not_found"),
        "foreign archive": (Forbidden, "not_the_owner"),
        "unknown clone": (Missing, "blueprint_not_found"),
        "clone of no template": (Conflict, "not_a_template"),
        "clone of an archived one": (Conflict, "archived"),
        "clone onto a taken id": (Conflict, "blueprint_exists"),
    }
    assert await desk.head() == head


async def test_an_invisible_blueprint_is_told_from_a_missing_one_by_nothing(desk):
    hidden, unknown = (await desk.create()).id, uuid4()

    for asking in (desk.get, desk.resolve, desk.update, desk.archive, desk.clone):
        answers = [(await refused(asking(id, EVE))).view() for id in (hidden, unknown)]
        details = {answer.detail.replace(str(id), "…") for answer, id in zip(answers, (hidden, unknown), strict=True)}
        assert len(details) == 1
        assert {(answer.status, answer.code) for answer in answers} == {(404, "blueprint_not_found")}


async def test_a_team_is_needed_and_must_be_the_callers_own(desk):
    missing = await refused(desk.create(visibility="team"))
    foreign = await refused(desk.create(visibility="team", team_id="red"))

    assert [(problem.pointer, problem.code) for problem in missing.errors] == [("/team_id", "missing")]
    assert [(problem.pointer, problem.code) for problem in foreign.errors] == [("/team_id", "not_a_member")]


async def test_an_owner_who_left_the_team_can_still_change_what_is_shared_with_it(desk):
    id = (await desk.create(visibility="team", team_id="blue")).id
    left = Caller(user_id="ann")

    assert (await desk.update(id, left, name="still mine", visibility="team", team_id="blue")).version == 2
    assert isinstance(await refused(desk.update(id, left, visibility="public", team_id="blue")), Invalid)
    assert (await desk.update(id, left)).visibility == "private"


async def test_a_member_of_a_team_loses_sight_when_it_is_not_shared_any_more(desk):
    id = (await desk.create(visibility="team", team_id="blue")).id
    assert (await desk.get(id, BEN)).id == id

    await desk.update(id)

    for asking in (desk.get, desk.resolve):
        assert isinstance(await refused(asking(id, BEN)), Missing)
    assert id not in [item.id for item in (await desk.list(BEN)).items]
