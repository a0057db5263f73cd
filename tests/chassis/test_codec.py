"""Events to bytes and back, old shapes included."""

from datetime import UTC, datetime

import pytest

from chassis.codec import NO_METADATA, Codec, Metadata, decode_metadata, encode_metadata
from chassis.ids import new_id
from chassis.ledger import NewEvent, Recorded
from contracts.message import JsonObject
from contracts.versions import UPCASTERS, Unreadable
from tests.chassis.parcels import Parcel, ParcelMoved, ParcelPosted

MOMENT = datetime(2025, 3, 1, 12, 30, tzinfo=UTC)
STREAM = new_id()


@pytest.fixture
def codec() -> Codec:
    return Codec(ParcelPosted, ParcelMoved)


@pytest.fixture(autouse=True)
def parcels_have_a_past(monkeypatch: pytest.MonkeyPatch) -> None:
    """Version 1 weighed in kilograms, version 2 called the receiver `to`."""

    def into_grams(payload: JsonObject) -> JsonObject:
        return {**payload, "weight_grams": round(payload["weight_kg"] * 1000)}

    def name_the_receiver(payload: JsonObject) -> JsonObject:
        return {**payload, "receiver": payload["to"]}

    monkeypatch.setitem(UPCASTERS, ("ParcelPosted", 1), into_grams)
    monkeypatch.setitem(UPCASTERS, ("ParcelPosted", 2), name_the_receiver)


def recorded(topic: str, state: bytes, version: int = 1) -> Recorded:
    return Recorded(7, STREAM, version, topic, state, new_id())


def as_recorded(new: NewEvent) -> Recorded:
    return Recorded(7, STREAM, new.version, new.topic, new.state, new.event_id, new.metadata)


def test_an_event_survives_the_ledger(codec: Codec) -> None:
    moved = ParcelMoved(originator_id=STREAM, originator_version=4, timestamp=MOMENT, place="Łódź")

    written = codec.encode(moved, b'{"traceparent":"00-1"}')

    assert (written.topic, written.version, written.metadata) == ("ParcelMoved", 4, b'{"traceparent":"00-1"}')
    assert codec.decode(as_recorded(written)) == moved
    assert written.event_id != codec.encode(moved).event_id


def test_the_place_in_the_stream_is_not_in_the_payload(codec: Codec) -> None:
    moved = ParcelMoved(originator_id=STREAM, originator_version=4, timestamp=MOMENT, place="A")

    assert codec.encode(moved).state == b'{"timestamp":"2025-03-01T12:30:00Z","place":"A"}'


@pytest.mark.parametrize(
    "state",
    [
        b'{"timestamp":"2025-03-01T12:30:00Z","weight_kg":1.5,"to":"Ada"}',
        b'{"class_version":2,"timestamp":"2025-03-01T12:30:00Z","weight_grams":1500,"to":"Ada"}',
        b'{"class_version":3,"timestamp":"2025-03-01T12:30:00Z","weight_grams":1500,"receiver":"Ada"}',
        b'{"class_version":3,"timestamp":"2025-03-01T12:30:00Z","weight_grams":1500,"receiver":"Ada","new":1}',
    ],
)
def test_every_shape_that_was_ever_recorded_reads_the_same(codec: Codec, state: bytes) -> None:
    assert codec.decode(recorded("ParcelPosted", state)) == ParcelPosted(
        originator_id=STREAM, originator_version=1, timestamp=MOMENT, weight_grams=1500, receiver="Ada"
    )


@pytest.mark.parametrize(
    ("topic", "state", "why"),
    [
        ("ParcelLost", b"{}", "not a known event"),
        ("ParcelMoved", b"{", "not JSON"),
        ("ParcelMoved", b"[]", "not a JSON object"),
        ("ParcelMoved", b'{"timestamp":"2025-03-01T12:30:00Z"}', "cannot be read"),
        ("ParcelMoved", b'{"class_version":"x"}', "cannot be read"),
        ("ParcelPosted", b'{"class_version":4}', "newer than this code"),
        ("ParcelPosted", b'{"class_version":2,"weight_grams":1}', "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_named(codec: Codec, topic: str, state: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        codec.decode(recorded(topic, state))


def test_an_aggregates_codec_answers_the_aggregates_own_classes() -> None:
    codec = Codec(*Parcel.event_types())
    moved = ParcelMoved(originator_id=STREAM, originator_version=4, timestamp=MOMENT, place="A")

    assert type(codec.decode(as_recorded(codec.encode(moved)))) is Parcel.ParcelMoved


def test_metadata_survives_the_ledger() -> None:
    known = Metadata(new_id(), new_id(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")

    assert decode_metadata(encode_metadata(known.correlation_id, known.causation_id, known.traceparent)) == known
    assert decode_metadata(encode_metadata(traceparent="t")) == Metadata(traceparent="t")


def test_no_metadata_costs_no_bytes() -> None:
    assert encode_metadata() is None
    assert decode_metadata(None) is NO_METADATA
    assert decode_metadata(b'{"of":"tomorrow"}') == NO_METADATA
