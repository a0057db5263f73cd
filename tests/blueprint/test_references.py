"""References follow the ledger: never stale, whoever wrote, and without reading a stream twice."""

import pytest

from blueprint.domain import Blueprint
from blueprint.references import References
from chassis.ids import new_id
from chassis.memory import MemoryEventStore
from chassis.streams import Streams
from tests.blueprint.shelf import ANN, a_body


class Watched(MemoryEventStore):
    """Counts the events that readers were given."""

    given = 0

    async def read(self, stream_id, after_version=0, limit=None):
        found = await super().read(stream_id, after_version, limit)
        self.given += len(found)
        return found


@pytest.fixture
def store() -> Watched:
    return Watched()


async def test_what_another_process_wrote_is_seen_at_once(store):
    references, elsewhere = References(store), Streams(store, Blueprint)
    blueprint = Blueprint.create(new_id(), a_body(), ANN)
    assert await references.find(blueprint.id) is None

    for change, expected in (
        (lambda: None, (1, "private", None, False)),
        (lambda: blueprint.revise(a_body(name="2"), ANN), (2, "private", None, False)),
        (lambda: blueprint.revise(a_body(visibility="team", team_id="blue"), ANN), (3, "team", "blue", False)),
        (lambda: blueprint.archive(ANN), (3, "team", "blue", True)),
    ):
        change()
        position = await elsewhere.record(blueprint)
        found = await references.find(blueprint.id)

        assert found == blueprint.reference()
        assert found.position == position == await store.head()
        assert (found.latest_version, found.visibility, found.team_id, found.archived) == expected


async def test_only_news_are_read(store):
    references = References(store)
    blueprint = Blueprint.create(new_id(), a_body(), ANN)
    for number in range(20):
        blueprint.revise(a_body(name=f"{number}"), ANN)
    await Streams(store, Blueprint).record(blueprint)

    for _ in range(5):
        assert (await references.find(blueprint.id)).version == 21

    assert store.given == 21


async def test_what_was_forgotten_is_read_again(store, monkeypatch):
    monkeypatch.setattr("blueprint.references.REMEMBERED", 2)
    references = References(store)
    blueprints = [Blueprint.create(new_id(), a_body(), ANN) for _ in range(3)]
    await Streams(store, Blueprint).record(*blueprints)

    for blueprint in blueprints * 2:
        assert (await references.find(blueprint.id)).id == blueprint.id

    assert store.given == 6
