"""Aggregates decide, streams remember."""

import asyncio

import pytest

from chassis.aggregate import Aggregate
from chassis.ids import new_id
from chassis.ledger import EventStore
from chassis.streams import Streams
from contracts.refusal import Conflict, Missing
from tests.chassis.parcels import Parcel, ParcelEvent, ParcelMoved, ParcelPosted


@pytest.fixture
def parcels(store: EventStore) -> Streams[Parcel]:
    return Streams(store, Parcel)


def a_parcel() -> Parcel:
    return Parcel(id=new_id(), weight_grams=500, receiver="Ada")


def test_commands_make_events_and_events_make_the_state() -> None:
    parcel = a_parcel()

    parcel.move("Riga")
    parcel.deliver()
    parcel.deliver()

    events = parcel.collect_events()
    assert [type(event).__name__ for event in events] == ["ParcelPosted", "ParcelMoved", "ParcelDelivered"]
    assert isinstance(events[1], ParcelMoved)
    assert Parcel.replay(events) == parcel
    assert (parcel.places, parcel.is_delivered, parcel.version) == (["Riga"], True, 3)


def test_a_rule_is_kept_by_commands_and_not_asked_when_history_is_read() -> None:
    parcel = a_parcel()
    parcel.deliver()
    with pytest.raises(Conflict):
        parcel.move("Riga")
    delivered = parcel.collect_events()
    from_before_the_rule = Parcel.ParcelMoved(
        originator_id=parcel.id, originator_version=3, timestamp=parcel.modified_on, place="Riga"
    )

    replayed = Parcel.replay([*delivered, from_before_the_rule])

    assert replayed is not None
    assert replayed.places == ["Riga"]


def test_nothing_replayed_is_no_aggregate() -> None:
    assert Parcel.replay([]) is None


def test_an_event_must_bear_the_name_of_its_contract() -> None:
    with pytest.raises(TypeError, match="must bear the name of its contract, ParcelPosted"):

        class Letter(Aggregate):
            class Posted(ParcelPosted, Aggregate.Created):
                pass


async def test_an_aggregate_is_added_changed_and_read_back(parcels: Streams[Parcel], store: EventStore) -> None:
    parcel = a_parcel()

    added_at = await parcels.add(parcel, metadata=b'{"m":1}')
    async with parcels.changing(parcel.id, metadata=b'{"m":2}') as changed:
        changed.move("Riga")
        changed.deliver()

    found, position = await parcels.get_with_position(parcel.id)
    assert (found.places, found.is_delivered) == (["Riga"], True)
    assert added_at < position == changed.position == found.position == await store.head()
    assert [event.metadata for event in await store.read(parcel.id)] == [b'{"m":1}', b'{"m":2}', b'{"m":2}']


async def test_an_unknown_id_is_missing(parcels: Streams[Parcel]) -> None:
    with pytest.raises(Missing) as missing:
        await parcels.get(new_id())

    assert missing.value.code == "parcel_not_found"


async def test_a_block_that_fails_records_nothing(parcels: Streams[Parcel], store: EventStore) -> None:
    parcel = a_parcel()
    position = await parcels.add(parcel)

    async def fail_after_a_move() -> None:
        async with parcels.changing(parcel.id) as changed:
            changed.move("Riga")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_after_a_move()

    assert await store.head() == position


async def test_a_block_that_decides_nothing_records_nothing(parcels: Streams[Parcel], store: EventStore) -> None:
    parcel = a_parcel()
    position = await parcels.add(parcel)

    async with parcels.changing(parcel.id) as unchanged:
        pass

    assert unchanged.position == position == await store.head()


async def test_who_comes_second_is_told_so(parcels: Streams[Parcel]) -> None:
    parcel = a_parcel()
    await parcels.add(parcel)

    async def be_overtaken() -> None:
        async with parcels.changing(parcel.id) as slow:
            async with parcels.changing(parcel.id) as quick:
                quick.move("Riga")
            slow.move("Oslo")

    with pytest.raises(Conflict) as conflict:
        await be_overtaken()

    assert conflict.value.code == "changed_meanwhile"
    assert (await parcels.get(parcel.id)).places == ["Riga"]


async def test_an_id_is_given_once(parcels: Streams[Parcel]) -> None:
    parcel = a_parcel()
    await parcels.add(parcel)

    with pytest.raises(Conflict) as conflict:
        await parcels.add(Parcel(id=parcel.id, weight_grams=1, receiver="Bob"))

    assert conflict.value.code == "parcel_exists"


async def test_a_decision_that_may_be_made_again_is(parcels: Streams[Parcel]) -> None:
    parcel = a_parcel()
    await parcels.add(parcel)

    answers = await asyncio.gather(
        *(parcels.change(parcel.id, lambda found, place=place: found.move(place)) for place in ("Riga", "Oslo", "Bern"))
    )

    assert sorted((await parcels.get(parcel.id)).places) == ["Bern", "Oslo", "Riga"]
    assert len({position for _, position in answers}) == 3


async def test_a_decision_is_not_made_again_for_ever(parcels: Streams[Parcel], store: EventStore) -> None:
    parcel = a_parcel()
    await parcels.add(parcel)
    decided = 0

    def decide_while_others_write(found: Parcel) -> None:
        nonlocal decided
        decided += 1
        found.collect_events()
        found.version += 10
        found.move("nowhere")

    with pytest.raises(Conflict) as conflict:
        await parcels.change(parcel.id, decide_while_others_write)

    assert (conflict.value.code, decided) == ("changed_meanwhile", 3)


async def test_several_aggregates_change_as_one_fact(parcels: Streams[Parcel], store: EventStore) -> None:
    one, other = a_parcel(), a_parcel()
    await parcels.record(one, other)
    heads: list[int] = []
    store.on_commit(heads.append)

    one.move("Riga")
    other.move("Oslo")
    position = await parcels.record(one, other)

    assert heads == [position] == [one.position]
    assert one.position == other.position


async def test_a_decision_may_begin_what_is_not_there(parcels: Streams[Parcel]) -> None:
    id = new_id()

    def post_or_move(found: Parcel | None) -> Parcel:
        if found is None:
            return Parcel(id=id, weight_grams=500, receiver="Ada")
        found.move("Riga")
        return found

    settled = await asyncio.gather(*(parcels.settle(id, post_or_move) for _ in range(3)))

    assert sorted(len(parcel.places) for parcel in settled) == [0, 1, 2]
    assert await parcels.find(id) == max(settled, key=lambda parcel: parcel.version)
    assert await parcels.find(new_id()) is None


class ReadingTaken(ParcelEvent):
    """A value at a moment."""

    value: int


class Meter(Aggregate):
    """Has no other facts than its readings."""

    class ReadingTaken(ReadingTaken, Aggregate.Repeated):
        """The first one begins it."""

        def apply(self, aggregate: "Meter") -> None:
            aggregate.values = (*aggregate.values, self.value)

    def __init__(self) -> None:
        self.values: tuple[int, ...] = ()

    @classmethod
    def begin(cls, value: int) -> "Meter":
        return cls._create(cls.ReadingTaken, id=new_id(), value=value)


def test_an_event_may_begin_an_aggregate_and_come_again() -> None:
    meter = Meter.begin(1)
    meter.trigger_event(Meter.ReadingTaken, value=2)

    events = meter.collect_events()
    assert (meter.values, meter.version) == ((1, 2), 2)
    assert Meter.replay(events) == meter
    assert Meter.replay(events[1:], Meter.replay(events[:1])) == meter


async def test_a_refusal_names_the_kind_as_people_do(store: EventStore) -> None:
    with pytest.raises(Missing) as missing:
        await Streams(store, Parcel, "small_parcel").get(new_id())

    assert missing.value.code == "small_parcel_not_found"
    assert missing.value.detail.startswith("There is no small parcel ")
