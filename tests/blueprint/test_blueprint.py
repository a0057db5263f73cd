"""Blueprint by its state: what it decides, and what it refuses."""

import pytest

from blueprint.domain import Blueprint
from chassis.ids import new_id
from contracts.blueprint import BlueprintArchived, BlueprintCreated, BlueprintShared, BlueprintUpdated
from contracts.refusal import Conflict, Forbidden, Invalid, Missing, PreconditionFailed
from tests.blueprint.shelf import ANN, BEN, EVE, a_body


def given(*, archived=False, **members):
    """A recorded blueprint of Ann's."""
    blueprint = Blueprint.create(new_id(), a_body(**members), ANN)
    if archived:
        blueprint.archive(ANN)
    history = blueprint.collect_events()
    replayed = Blueprint.replay(history)
    assert replayed == blueprint
    return replayed


def then(blueprint):
    """What it decided since, by name."""
    return [type(event).__name__ for event in blueprint.collect_events()]


class TestANewBlueprint:
    def test_begins_with_its_first_version(self):
        blueprint = Blueprint.create(new_id(), a_body(name="x", tags=["a"]), ANN)

        (event,) = blueprint.collect_events()

        assert isinstance(event, BlueprintCreated)
        assert (event.version, event.name, event.tags, event.owner_id, event.by) == (1, "x", ("a",), "ann", "ann")

    @pytest.mark.parametrize("sharing", [{"visibility": "team"}, {"team_id": "red"}])
    def test_is_not_shared_with_a_team_of_others(self, sharing):
        with pytest.raises(Invalid):
            Blueprint.create(new_id(), a_body(**sharing), ANN)


class TestAPrivateBlueprint:
    def test_gets_a_version_from_every_update(self):
        blueprint = given()

        blueprint.revise(a_body(), ANN)
        blueprint.revise(a_body(name="new"), ANN, if_match=2)

        first, second = blueprint.collect_events()
        assert isinstance(first, BlueprintUpdated)
        assert (first.version, second.version, blueprint.body.name) == (2, 3, "new")

    def test_is_shared_in_the_same_breath(self):
        blueprint = given()

        blueprint.revise(a_body(visibility="team", team_id="blue"), ANN)

        updated, shared = blueprint.collect_events()
        assert isinstance(shared, BlueprintShared)
        assert (shared.visibility, shared.team_id, shared.by) == ("team", "blue", "ann")
        assert (updated.originator_version, shared.originator_version) == (2, 3)
        assert blueprint.view().visibility == "team"

    @pytest.mark.parametrize("version", [0, 2])
    def test_refuses_a_change_of_a_version_that_is_not_the_latest(self, version):
        blueprint = given()

        with pytest.raises(PreconditionFailed):
            blueprint.revise(a_body(), ANN, if_match=version)

        assert then(blueprint) == []

    def test_refuses_a_bad_team_without_a_trace(self):
        blueprint = given()

        with pytest.raises(Invalid):
            blueprint.revise(a_body(visibility="team", team_id="red"), ANN)

        assert then(blueprint) == []
        assert blueprint.latest_version == 1

    def test_is_not_there_for_others(self):
        for attempt in (
            lambda: given().revise(a_body(), BEN),
            lambda: given().archive(BEN),
            lambda: given(is_template=True).clone(new_id(), BEN),
        ):
            with pytest.raises(Missing):
                attempt()

    def test_is_archived_once(self):
        blueprint = given()

        blueprint.archive(ANN)
        blueprint.archive(ANN)

        assert then(blueprint) == [BlueprintArchived.__name__]


class TestASharedBlueprint:
    def test_is_changed_by_its_owner_alone(self):
        for attempt in (
            lambda: given(visibility="public").revise(a_body(), EVE),
            lambda: given(visibility="team", team_id="blue").archive(BEN),
        ):
            with pytest.raises(Forbidden):
                attempt()

    def test_that_stays_shared_asks_nobody_for_the_team(self):
        blueprint = given(visibility="team", team_id="blue")

        blueprint.revise(a_body(visibility="team", team_id="blue"), ANN.model_copy(update={"teams": ()}))

        assert then(blueprint) == ["BlueprintUpdated"]

    def test_that_is_no_template_is_not_cloned(self):
        with pytest.raises(Conflict) as refused:
            given(visibility="public").clone(new_id(), EVE)

        assert refused.value.code == "not_a_template"


class TestATemplate:
    def test_is_cloned_into_a_private_blueprint_of_the_callers_own(self):
        template = given(is_template=True, visibility="team", team_id="blue", tags=["x"])

        clone = template.clone(new_id(), BEN)

        assert then(template) == []
        assert (clone.owner_id, clone.parent_id, clone.latest_version) == ("ben", template.id, 1)
        assert (clone.body.visibility, clone.body.team_id, clone.body.is_template) == ("private", None, False)
        assert (clone.body.name, clone.body.nodes, clone.body.tags) == ("Shout", template.body.nodes, ("x",))

    def test_gives_its_latest_version(self):
        template = given(is_template=True)
        template.revise(a_body(name="newer", is_template=True), ANN)

        assert template.clone(new_id(), ANN).body.name == "newer"


class TestAnArchivedBlueprint:
    def test_is_neither_changed_nor_cloned(self):
        for attempt in (
            lambda: given(archived=True).revise(a_body(), ANN),
            lambda: given(archived=True, is_template=True).clone(new_id(), ANN),
        ):
            with pytest.raises(Conflict) as refused:
                attempt()
            assert refused.value.code == "archived"

    def test_can_still_be_read(self):
        view = given(archived=True).view()

        assert view.archived_at is not None
        assert view.version == 1
