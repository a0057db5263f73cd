"""What every event store promises, on Postgres and in memory."""

import asyncio

import pytest

from chassis.ids import new_id
from chassis.ledger import Append, EventStore, NewEvent, VersionConflict
from tests.support.ledgers import append, event


async def test_what_was_appended_is_read_back_in_the_order_of_the_stream(store: EventStore) -> None:
    stream = new_id()
    first, second = event(1, "Opened", b'{"a":1}', b'{"m":1}'), event(2, "Closed", b'{"b":2}')

    position = await store.append(Append(stream, (first, second)))

    recorded = await store.read(stream)
    assert [(found.version, found.topic, found.state, found.metadata) for found in recorded] == [
        (1, "Opened", b'{"a":1}', b'{"m":1}'),
        (2, "Closed", b'{"b":2}', None),
    ]
    assert [found.event_id for found in recorded] == [first.event_id, second.event_id]
    assert {found.stream_id for found in recorded} == {stream}
    assert recorded[-1].position == position == await store.head()


async def test_an_empty_ledger_has_no_head_and_an_unknown_stream_no_events(store: EventStore) -> None:
    assert await store.head() == 0
    assert await store.read(new_id()) == []
    assert await store.read_after(0, 10) == []


async def test_a_stream_is_read_in_slices(store: EventStore) -> None:
    stream = new_id()
    await store.append(append(stream, 1, 2, 3, 4, 5))

    assert [found.version for found in await store.read(stream, after_version=2)] == [3, 4, 5]
    assert [found.version for found in await store.read(stream, after_version=1, limit=2)] == [2, 3]
    assert await store.read(stream, after_version=5) == []


async def test_the_ledger_is_read_in_the_order_of_commits(store: EventStore) -> None:
    one, other = new_id(), new_id()
    await store.append(append(one, 1))
    middle = await store.append(append(other, 1, 2))
    await store.append(append(one, 2))

    ledger = await store.read_after(0, 100)
    assert [(found.stream_id, found.version) for found in ledger] == [(one, 1), (other, 1), (other, 2), (one, 2)]
    assert [found.stream_id for found in await store.read_after(middle, 100)] == [one]
    assert len(await store.read_after(0, 3)) == 3


async def test_identifiers_come_back_as_plain_uuids(store: EventStore) -> None:
    stream = new_id()
    await store.append(append(stream, 1))

    [recorded] = await store.read(stream)
    assert type(recorded.stream_id) is type(recorded.event_id) is type(stream)


@pytest.mark.parametrize("versions", [(1,), (2, 3), (1, 2, 3)])
async def test_a_stale_append_conflicts_and_leaves_nothing(store: EventStore, versions: tuple[int, ...]) -> None:
    stream = new_id()
    await store.append(append(stream, 1, 2))

    with pytest.raises(VersionConflict) as conflict:
        await store.append(append(stream, *versions))

    assert (conflict.value.stream_id, conflict.value.expected_version) == (stream, versions[0] - 1)
    assert [found.version for found in await store.read(stream)] == [1, 2]


@pytest.mark.parametrize("versions", [(2,), (4,), (5, 6)])
async def test_an_append_that_would_leave_a_gap_conflicts(store: EventStore, versions: tuple[int, ...]) -> None:
    stream = new_id()
    if versions[0] > 2:
        await store.append(append(stream, 1, 2))

    with pytest.raises(VersionConflict):
        await store.append(append(stream, *versions))

    assert len(await store.read(stream)) in {0, 2}


async def test_one_call_over_several_streams_is_one_fact(store: EventStore) -> None:
    fresh, taken = new_id(), new_id()
    await store.append(append(taken, 1))

    with pytest.raises(VersionConflict) as conflict:
        await store.append(append(fresh, 1), append(taken, 1))

    assert conflict.value.stream_id == taken
    assert await store.read(fresh) == []

    position = await store.append(append(fresh, 1), append(taken, 2), append(fresh, 2))
    assert position == await store.head()
    assert [found.version for found in await store.read(fresh)] == [1, 2]


async def test_appends_that_follow_on_another_without_waiting_are_recorded(store: EventStore) -> None:
    stream = new_id()

    positions = await asyncio.gather(*(store.append(append(stream, version)) for version in range(1, 101)))

    assert positions == sorted(positions)
    assert [found.version for found in await store.read(stream)] == list(range(1, 101))


async def test_of_many_who_want_the_same_version_one_wins(store: EventStore) -> None:
    stream = new_id()

    async def attempt() -> bool:
        try:
            await store.append(append(stream, 1))
        except VersionConflict:
            return False
        return True

    assert sum(await asyncio.gather(*(attempt() for _ in range(64)))) == 1
    assert len(await store.read(stream)) == 1


async def test_a_conflict_fails_its_own_caller_alone(store: EventStore) -> None:
    taken = new_id()
    await store.append(append(taken, 1))
    streams = [new_id() for _ in range(63)]

    answers = await asyncio.gather(
        *(store.append(append(stream, 1)) for stream in streams[:30]),
        store.append(append(taken, 1)),
        *(store.append(append(stream, 1)) for stream in streams[30:]),
        return_exceptions=True,
    )

    assert [type(answer) for answer in answers].count(int) == 63
    assert isinstance(answers[30], VersionConflict)
    assert len(await store.read_after(0, 1000)) == 64


async def test_listeners_hear_the_new_head_after_each_commit(store: EventStore) -> None:
    heard: list[int] = []
    store.on_commit(heard.append)

    first = await store.append(append(new_id(), 1))
    second = await store.append(append(new_id(), 1, 2))

    assert heard == [first, second]


async def test_a_listener_that_fails_harms_nobody(store: EventStore) -> None:
    heard: list[int] = []

    def broken(_: int) -> None:
        raise ZeroDivisionError

    store.on_commit(broken)
    store.on_commit(heard.append)

    assert [await store.append(append(new_id(), 1))] == heard


async def test_a_closed_store_refuses_and_stays_readable(store: EventStore) -> None:
    stream = new_id()
    await store.append(append(stream, 1))

    await store.close()

    with pytest.raises(RuntimeError, match="closed"):
        await store.append(append(stream, 2))


async def test_nothing_to_append_is_a_mistake(store: EventStore) -> None:
    with pytest.raises(ValueError, match="at least one"):
        await store.append()


@pytest.mark.parametrize("versions", [(), (0,), (1, 3), (2, 1)])
def test_an_append_with_a_hole_cannot_be_made(versions: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="contiguous versions"):
        Append(new_id(), tuple(NewEvent(new_id(), version, "T", b"{}") for version in versions))


async def test_the_last_event_of_some_topics_is_found_up_to_a_position(store: EventStore) -> None:
    stream = new_id()
    first = await store.append(Append(stream, (event(1, "Opened"),)))
    second = await store.append(Append(stream, (event(2, "Closed"),)))
    third = await store.append(Append(stream, (event(3, "Opened"),)))

    found = [await store.last_of(["Opened"], position) for position in (first - 1, first, second, third)]
    assert found == [0, first, first, third]
    assert await store.last_of(["Closed", "Opened"], second) == second


async def test_of_a_stream_the_events_of_some_topics_are_read(store: EventStore) -> None:
    stream = new_id()
    await store.append(Append(stream, (event(1, "Opened"), event(2, "Closed"), event(3, "Opened"))))

    assert [found.version for found in await store.read_of(stream, ["Opened"])] == [1, 3]
    assert await store.read_of(stream, ["Sealed"]) == []
    assert await store.read_of(new_id(), ["Opened"]) == []


async def test_several_streams_are_read_at_once_each_from_its_version_on(store: EventStore) -> None:
    one, other, unknown = new_id(), new_id(), new_id()
    await store.append(append(one, 1, 2, 3))
    await store.append(append(other, 1))

    wanted = [(one, 1), (other, 0), (unknown, 0), (one, 3)]
    found = await store.read_many(wanted)

    assert found == {place: await store.read(*place) for place in wanted}
    assert [len(found[place]) for place in wanted] == [2, 1, 0, 0]
    limited = await store.read_many([(one, 0), (other, 0)], limit=2)
    assert [[recorded.version for recorded in events] for events in limited.values()] == [[1, 2], [1]]
    assert await store.read_many([(one, 1)], limit=1) == {(one, 1): found[one, 1][:1]}
    assert await store.read_many([]) == {}
