"""The built-in templates: there for everybody, seeded once, and again only when they differ."""

import pytest

from blueprint import library
from blueprint.app import SERVICE
from blueprint.domain import Blueprint
from blueprint.library import HOUSE, TEMPLATES, built_in, seed
from blueprint.validation import problems_of
from chassis.memory import MemoryEventStore
from chassis.service import running
from chassis.streams import Streams
from contracts.message import Caller
from contracts.refusal import Forbidden

GUEST = Caller(user_id="guest")


@pytest.fixture
def blueprints() -> Streams[Blueprint]:
    return Streams(MemoryEventStore(), Blueprint)


async def test_everybody_finds_and_clones_them_and_nobody_changes_them(desk):
    page = await desk.templates(GUEST)

    assert {item.id for item in page.items} == set(TEMPLATES)
    assert all(item.tags and item.description for item in page.items)
    for item in page.items:
        assert (await desk.clone(item.id, GUEST)).parent_id == item.id
        with pytest.raises(Forbidden):
            await desk.update(item.id, GUEST)


async def test_a_token_in_the_name_of_the_house_changes_and_makes_nothing(desk):
    id, head = next(iter(TEMPLATES)), await desk.head()

    for asking in (desk.update(id, HOUSE), desk.archive(id, HOUSE), desk.create(HOUSE), desk.clone(id, HOUSE)):
        with pytest.raises(Forbidden) as refused:
            await asking
        assert refused.value.code == "reserved_user"
    assert await desk.head() == head


@pytest.mark.parametrize(("id", "body"), [pytest.param(*found, id=found[1].name) for found in built_in()])
async def test_each_is_free_of_problems(id, body):
    assert await problems_of(body, HOUSE) == ()
    assert id.version == 7


async def test_a_second_start_records_nothing(desk, settings):
    head = await desk.head()

    async with running(SERVICE, settings) as second:
        assert await second.store.head() == head


async def test_only_what_is_missing_or_differs_is_recorded(blueprints, monkeypatch):
    assert await seed(blueprints) == len(TEMPLATES)
    assert await seed(blueprints) == 0

    (id, body), *others = built_in()
    newer = body.model_copy(update={"description": "Better than before."})
    monkeypatch.setattr(library, "built_in", lambda: [(id, newer), *others])

    assert await seed(blueprints) == 1
    assert await seed(blueprints) == 0
    assert (await blueprints.get(id)).latest_version == 2


async def test_one_that_was_archived_stays_so(blueprints):
    await seed(blueprints)
    id = next(iter(TEMPLATES))
    async with blueprints.changing(id) as template:
        template.archive(HOUSE)

    assert await seed(blueprints) == 0


async def test_whoever_seeds_second_finds_it_done(blueprints):
    class Late(Streams[Blueprint]):
        """Reads before the other one has written."""

        async def get(self, id):
            return await Streams(MemoryEventStore(), Blueprint).get(id)

    store = MemoryEventStore()
    await seed(Streams(store, Blueprint))

    assert await seed(Late(store, Blueprint)) == 0
