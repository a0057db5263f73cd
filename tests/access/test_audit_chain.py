"""The chain of the audit log, pure: whatever was recorded is followed to its end, and whatever was changed shows."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.domain.audit_chain import BEGINNING, NO_HASH, Content, Head, Verification, extended, stream_of
from contracts.audit import CommandsAudited

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
DAY = timedelta(days=1)

texts = st.text(max_size=12)
contents = st.builds(
    Content,
    at=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    action=texts,
    status=st.integers(100, 599),
    refusal=st.none() | texts,
    sealed=texts,
    key_name=texts,
)
steps = st.sampled_from([timedelta(0), timedelta(seconds=1), timedelta(seconds=-30), timedelta(hours=13), DAY, 3 * DAY])
batches = st.lists(st.tuples(steps, st.lists(contents, min_size=1, max_size=3)), min_size=1, max_size=6)


def content(number: int = 0) -> Content:
    return Content(at=NOON, action=f"POST /{number}", status=200, refusal=None, sealed="v1.x", key_name="k")


def chained(plan: Sequence[tuple[timedelta, Sequence[Content]]]) -> list[CommandsAudited]:
    """What is recorded of batches, each so long after the one before."""
    head, now, events = Head(), NOON, []
    for number, (step, batch) in enumerate(plan):
        now += step
        events += extended(head, UUID(int=number), batch, now)
        head = Head.after(events[-1])
    return events


def verified(events: Sequence[CommandsAudited]) -> Verification:
    chain = Verification()
    for event in events:
        chain.follow(event)
    chain.end()
    return chain


def test_the_first_batch_closes_the_beginning_and_opens_a_day():
    closing, batch = chained([(DAY, [content(1), content(2)])])

    assert (closing.originator_id, closing.originator_version, closing.entries) == (BEGINNING, 1, ())
    assert (batch.originator_id, batch.originator_version) == (stream_of(NOON + DAY), 1)
    assert (batch.previous, [entry.seq for entry in batch.entries]) == (NO_HASH, [1, 2])


def test_a_batch_of_the_same_day_goes_on_in_its_stream():
    *_, first, second = chained([(DAY, [content()]), (timedelta(hours=1), [content()])])

    assert (second.originator_id, second.originator_version) == (first.originator_id, 2)
    assert second.previous == first.entries[-1].hash


def test_two_who_begin_a_day_at_once_meet_at_the_same_version():
    events = chained([(DAY, [content()])])
    head = Head.after(events[-1])

    mine = extended(head, UUID(int=8), [content()], NOON + 2 * DAY)
    yours = extended(head, UUID(int=9), [content()], NOON + DAY)

    assert {(event.originator_id, event.originator_version) for event in mine} & {
        (event.originator_id, event.originator_version) for event in yours
    }


def test_a_clock_that_is_behind_begins_no_day_anew():
    *_, first, second = chained([(DAY, [content()]), (-2 * DAY, [content()])])

    assert second.originator_id == first.originator_id
    assert second.timestamp == first.timestamp


@given(batches)
def test_whatever_is_recorded_is_followed_to_its_end(plan):
    events = chained(plan)

    chain = verified(events)

    entries = [entry for event in events for entry in event.entries]
    assert chain.broken_at is None
    assert (chain.head.seq, chain.head.hash) == (len(entries), entries[-1].hash)
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    places = [(event.originator_id, event.originator_version) for event in events]
    assert len(set(places)) == len(places)
    assert all(earlier.timestamp <= later.timestamp for earlier, later in pairwise(events))


@given(batches, st.data())
def test_whatever_is_changed_shows_at_the_entry_or_before_the_next(plan, data):
    events = chained(plan)
    place = data.draw(st.integers(0, len(events) - 1))
    event = events[place]
    seqs = [entry.seq for entry in event.entries] or [
        max((e.seq for x in events[:place] for e in x.entries), default=0) + 1
    ]
    changed = data.draw(changes(event))

    chain = verified([*events[:place], changed, *events[place + 1 :]])

    assert chain.broken_at is not None
    assert seqs[0] <= chain.broken_at <= seqs[-1] + 1


def changes(event: CommandsAudited) -> st.SearchStrategy[CommandsAudited]:
    """The same batch with one thing different."""
    of_event = st.sampled_from(
        [
            {"previous": "1" * 64},
            {"batch_id": UUID(int=10**6)},
            {"timestamp": event.timestamp + timedelta(microseconds=1)},
            {"originator_id": UUID(int=10**6)},
            {"originator_version": event.originator_version + 1},
        ]
    )
    if not event.entries:
        return of_event.map(lambda update: event.model_copy(update=update))
    entry = event.entries[0]
    of_entry = st.sampled_from(
        [
            {"seq": entry.seq + 1},
            {"at": entry.at + timedelta(seconds=1)},
            {"action": entry.action + "!"},
            {"status": entry.status + 1},
            {"refusal": "another"},
            {"refusal": None if entry.refusal is not None else ""},
            {"sealed": entry.sealed + "!"},
            {"key_name": entry.key_name + "!"},
            {"hash": "2" * 64},
        ]
    )
    entries = of_entry.map(lambda update: (entry.model_copy(update=update), *event.entries[1:]))
    shorter = st.just(event.entries[1:])
    return of_event.map(lambda update: event.model_copy(update=update)) | (entries | shorter).map(
        lambda found: event.model_copy(update={"entries": found})
    )


@given(batches, st.data())
def test_whatever_is_removed_shows_unless_it_is_the_end(plan, data):
    events = chained(plan)
    last = len(events) - 1
    place = data.draw(st.integers(0, last))

    chain = verified([*events[:place], *events[place + 1 :]])

    # What is cut off the end leaves a whole chain: that shows by the rows, or by a head that is kept elsewhere.
    assert (chain.broken_at is not None) == (place < last or not events[place - 1].entries)


@given(batches, st.data())
def test_another_order_shows(plan, data):
    events = chained([*plan, (timedelta(0), [content()])])
    place = data.draw(st.integers(0, len(events) - 2))

    swapped = [*events[:place], events[place + 1], events[place], *events[place + 2 :]]

    assert verified(swapped).broken_at is not None


@pytest.mark.parametrize("moment", [NOON, datetime.fromisoformat("2026-03-15T01:00:00+13:00")])
def test_a_day_is_a_day_in_utc(moment: datetime):
    assert stream_of(moment) == stream_of(NOON)
