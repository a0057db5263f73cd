"""The blueprint service on real NATS and Postgres: what is answered, what is recorded, what is said."""

import asyncio
from uuid import uuid4

import pytest

from blueprint.domain import Blueprint
from chassis.ids import new_id
from contracts.refusal import Conflict, Missing, PreconditionFailed
from tests.blueprint.shelf import ANN, BEN, EVE
from tests.support.eventually import eventually


async def test_the_life_of_a_blueprint(desk):
    created = await desk.create(name="one")
    assert (created.version, created.visibility, created.owner_id) == (1, "private", "ann")
    assert await desk.get(created.id) == created

    updated = await desk.update(created.id, name="two", if_match=1)
    assert (updated.version, updated.name, updated.created_at) == (2, "two", created.created_at)
    assert await desk.get(created.id) == updated
    assert (await desk.get(created.id, version=1)).name == "one"

    archived = await desk.archive(created.id)
    assert archived.archived
    assert archived == await desk.archive(created.id) == await desk.resolve(created.id)
    assert (await desk.get(created.id)).archived_at is not None
    assert created.id not in [item.id for item in (await desk.list()).items]


async def test_writers_see_their_own_writes_at_once(desk):
    for number in range(10):
        view = await desk.create(name=f"{number}")

        assert (await desk.list(owner="ann", limit=1)).items[0].id == view.id
        assert (await desk.update(view.id, name="next")).version == 2
        assert (await desk.get(view.id)).name == "next"


async def test_creating_again_gives_the_first_answer_and_records_nothing(desk):
    id = new_id()
    first = await desk.create(id=id, name="one", tags=["x"])
    await desk.update(id, name="two")
    head = await desk.head()

    assert await desk.create(id=id, name="one", tags=["x"]) == first
    assert await desk.head() == head


async def test_an_id_is_taken_by_another_body_or_another_owner(desk):
    id = (await desk.create(name="one")).id

    for other in ({"name": "other"}, {"caller": BEN, "name": "one"}):
        with pytest.raises(Conflict) as refused:
            await desk.create(id=id, **other)
        assert refused.value.code == "blueprint_exists"


async def test_an_update_of_nothing_is_a_version_and_a_stale_one_is_refused(desk):
    id = (await desk.create()).id

    assert [(await desk.update(id)).version for _ in range(3)] == [2, 3, 4]
    with pytest.raises(PreconditionFailed):
        await desk.update(id, if_match=3)
    assert (await desk.update(id, if_match=4)).version == 5


async def test_updates_at_the_same_time_all_get_a_version_of_their_own(desk):
    id = (await desk.create()).id

    views = await asyncio.gather(*(desk.update(id, name=f"{number}") for number in range(3)))

    assert sorted(view.version for view in views) == [2, 3, 4]


async def test_a_clone_is_private_and_knows_its_template(desk):
    template = await desk.create(is_template=True, visibility="public", tags=["x"], config={"max_visits": 3})
    clone_id = new_id()

    clone = await desk.clone(template.id, EVE, clone_id, name="Mine")

    assert (clone.version, clone.parent_id, clone.owner_id, clone.name) == (1, template.id, "eve", "Mine")
    assert (clone.is_template, clone.visibility, clone.team_id) == (False, "private", None)
    assert (clone.nodes, clone.edges, clone.config, clone.tags) == (
        template.nodes,
        template.edges,
        template.config,
        template.tags,
    )
    assert await desk.clone(template.id, EVE, clone_id, name="Mine") == clone
    assert [entry.clone_count for entry in (await desk.templates(q="shout")).items] == [1]


async def test_references_are_true_and_at_the_position_of_the_last_event(desk):
    view = await desk.create()
    first = await desk.resolve(view.id)
    assert (first.version, first.latest_version, first.position) == (1, 1, await desk.head())

    await desk.update(view.id, visibility="team", team_id="blue")
    second = await desk.resolve(view.id, BEN, version=1)
    assert (second.version, second.latest_version, second.position) == (1, 2, await desk.head())
    assert (second.visibility, second.team_id, second.archived) == ("team", "blue", False)

    for version in (0, 3):
        with pytest.raises(Missing):
            await desk.resolve(view.id, version=version)
    for id, caller in ((view.id, EVE), (uuid4(), ANN)):
        with pytest.raises(Missing):
            await desk.resolve(id, caller)


async def test_every_decision_is_said_on_the_bus_in_order(desk):
    view = await desk.create()
    await desk.update(view.id, visibility="team", team_id="blue")
    await desk.archive(view.id)
    heard = []
    wanted = desk.bus.subject("blueprint", "*", str(view.id))
    subscription = await desk.bus.js.subscribe(wanted, ordered_consumer=True)

    async def all_said():
        heard.append((await subscription.next_msg(5)).headers["ce-type"])
        return len(heard) == 4

    await eventually(all_said)
    assert heard == ["BlueprintCreated", "BlueprintUpdated", "BlueprintShared", "BlueprintArchived"]
    assert set(heard) == {event_type.topic() for event_type in Blueprint.event_types()}
