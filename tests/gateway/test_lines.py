"""The lines of a stream show money as numbers and times in milliseconds, wherever they come from."""

from uuid import UUID

import orjson

from contracts.execution import StreamLine
from gateway.lines import event_line, ledger_line
from tests.gateway.fakes import completed, node_started

ID = UUID("0199c3f4-02b7-7d11-9c0f-51a6b7e0c4d2")


def test_an_end_shows_its_figures_as_the_interface_does():
    event = completed(ID, 3)
    line = orjson.loads(event_line(ID, 3, event.topic(), event.state()))

    assert line["time"] == "2026-01-31T12:00:00.250Z"
    assert line["data"]["requested_at"] == "2026-01-31T12:00:00.250Z"
    assert line["data"]["figures"]["cost"] == 0.0
    assert "timestamp" not in line["data"]
    assert StreamLine.model_validate(line).seq == 3


def test_the_ledger_tells_the_same_line_as_the_bus():
    for event in (completed(ID, 3), node_started(ID, 2)):
        of_the_bus = event_line(ID, event.originator_version, event.topic(), event.state())
        told = {
            "seq": event.originator_version,
            "event": event.topic(),
            "instance_id": str(ID),
            "time": "2026-01-31T12:00:00.250Z",
            "data": event.model_dump(mode="json", exclude={"originator_id", "originator_version", "timestamp"}),
        }

        assert orjson.loads(ledger_line(told)) == orjson.loads(of_the_bus)


def test_a_newer_shape_of_an_event_does_not_show():
    line = orjson.loads(event_line(ID, 1, "X", b'{"class_version":2,"timestamp":"2026-01-31T12:00:00Z","a":1}'))

    assert line["data"] == {"a": 1}


def test_times_that_a_wait_names_are_in_milliseconds():
    waits = b'[{"label":"a","kind":"time","due_at":"2026-01-31T12:00:00Z"},{"label":"b","kind":"signal","due_at":null}]'
    line = orjson.loads(
        event_line(ID, 1, "WaitStarted", b'{"timestamp":"2026-01-31T12:00:00Z","waits_for":%b}' % waits)
    )

    assert [wait["due_at"] for wait in line["data"]["waits_for"]] == ["2026-01-31T12:00:00.000Z", None]


def test_money_of_a_node_is_a_number_and_an_absent_time_stays_absent():
    line = orjson.loads(event_line(ID, 1, "X", b'{"timestamp":"2026-01-31T12:00:00Z","cost":"0.00042","due_at":null}'))

    assert line["data"] == {"cost": 0.00042, "due_at": None}
