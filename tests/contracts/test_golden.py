"""The wire form of every event is pinned: what was recorded once can be read for ever, and reads the same."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from pydantic import create_model

from contracts.access_events import ACCESS_EVENTS
from contracts.blueprint import BLUEPRINT_EVENTS
from contracts.checkpoint_events import CHECKPOINT_EVENTS
from contracts.instance_events import INSTANCE_EVENTS
from contracts.message import PLACE, Event
from contracts.versions import Unreadable, read_event

GOLDEN = Path(__file__).parent / "golden"
EVENTS: tuple[type[Event], ...] = (*BLUEPRINT_EVENTS, *INSTANCE_EVENTS, *CHECKPOINT_EVENTS, *ACCESS_EVENTS)
BY_TOPIC = {event.topic(): event for event in EVENTS}
FILES = sorted(GOLDEN.glob("*.json"))


def written_today(event_type: type[Event]) -> Path:
    """The golden file of the shape that the event has in this code."""
    return GOLDEN / f"{event_type.topic()}.v{event_type.class_version}.json"


def read(event_type: type[Event], golden: Path, **added: Any) -> Event:
    """The golden event as a consumer reads it from the bus; `added` is what a newer producer also says."""
    wire = json.loads(golden.read_text())
    return read_event(event_type, UUID(wire["subject"].split(".")[-1]), wire["version"], wire["body"] | added)


@pytest.mark.parametrize("event_type", EVENTS, ids=lambda event_type: event_type.topic())
def test_every_event_has_a_golden_file_that_shows_all_its_members(event_type: type[Event]) -> None:
    golden = written_today(event_type)
    assert golden.exists(), (
        f"write tests/contracts/golden/{golden.name} by hand: subject, version and body of a {event_type.topic()} "
        "with every member filled; files of older versions stay as they are"
    )
    assert set(json.loads(golden.read_text())["body"]) >= set(event_type.model_fields) - PLACE


@pytest.mark.parametrize("event_type", EVENTS, ids=lambda event_type: event_type.topic())
def test_an_event_is_read_and_written_unchanged(event_type: type[Event]) -> None:
    golden = written_today(event_type)
    wire, event = json.loads(golden.read_text()), read(event_type, golden)
    assert event.state() == orjson.dumps(wire["body"])
    assert event.subject() == wire["subject"]
    assert event.originator_version == wire["version"]


@pytest.mark.parametrize("golden", FILES, ids=lambda golden: golden.stem)
def test_every_shape_that_was_ever_recorded_can_still_be_read(golden: Path) -> None:
    topic = golden.stem.rsplit(".v", 1)[0]
    assert topic in BY_TOPIC, f"{topic} was recorded once: it must stay readable, so it stays a contract"
    assert type(read(BY_TOPIC[topic], golden)) is BY_TOPIC[topic]


@pytest.mark.parametrize("event_type", EVENTS, ids=lambda event_type: event_type.topic())
def test_a_member_that_a_newer_producer_adds_breaks_no_consumer(event_type: type[Event]) -> None:
    golden = written_today(event_type)
    newer = {"added_later": {"whatever": [1, 2, 3]}}
    assert read(event_type, golden, **newer) == read(event_type, golden)


@pytest.mark.parametrize("event_type", EVENTS, ids=lambda event_type: event_type.topic())
def test_a_member_with_a_default_that_a_consumer_adds_reads_what_was_recorded_before(event_type: type[Event]) -> None:
    newer = create_model(event_type.__name__, __base__=event_type, added_later=(str, "not said"))
    event = read(newer, written_today(event_type))
    assert getattr(event, "added_later") == "not said"  # noqa: B009 - the member is made by the line above
    assert event.model_dump(exclude={"added_later"}) == read(event_type, written_today(event_type)).model_dump()


def test_an_event_from_the_future_is_unreadable_and_says_so() -> None:
    event_type = BLUEPRINT_EVENTS[0]
    with pytest.raises(Unreadable, match="newer than this code"):
        read(event_type, written_today(event_type), class_version=99)


def test_an_event_without_a_member_it_needs_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="cannot be read"):
        read_event(BLUEPRINT_EVENTS[0], UUID(int=1), 1, {"timestamp": "2026-03-14T15:09:26Z"})
