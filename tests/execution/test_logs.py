"""A log is for people: every fact is a sentence of its own, and says how serious it is."""

import json
from pathlib import Path
from typing import Any

import pytest

from contracts import instance_events as facts
from contracts.execution import Level
from execution.reading.log_sentences import SENTENCES
from execution.reading.logs import level_of, log_entry, stream_line
from tests.support.builders import an_id

GOLDEN = Path(__file__).parents[1] / "contracts" / "golden"
BROKEN = {"type": "permanent", "code": "broken", "message": "It broke."}
AT_ONE = "2026-01-02T13:00:00Z"


def fact(event_type: type[facts.InstanceEvent], **changed: Any) -> facts.InstanceEvent:
    """The golden fact, changed where the test says so."""
    body = json.loads((GOLDEN / f"{event_type.topic()}.v1.json").read_text())["body"]
    return event_type.recorded(an_id(1), 7, body | changed)


def told(event_type: type[facts.InstanceEvent], **changed: Any) -> str:
    return log_entry(fact(event_type, **changed)).message


@pytest.mark.parametrize("event_type", facts.INSTANCE_EVENTS, ids=lambda event_type: event_type.topic())
def test_every_fact_is_told_in_a_sentence_of_its_own(event_type: type[facts.InstanceEvent]) -> None:
    entry = log_entry(fact(event_type))

    assert event_type in SENTENCES
    assert entry.message[0].isupper() or entry.message.startswith("bob ")
    assert entry.message.endswith((".", "503")), entry.message
    assert "None" not in entry.message


def test_a_fact_of_a_newer_kind_is_told_by_its_name() -> None:
    class MoonEclipsed(facts.InstancePaused):
        pass

    assert log_entry(MoonEclipsed.recorded(an_id(1), 1, {"timestamp": AT_ONE})).message == "MoonEclipsed."


@pytest.mark.parametrize(
    ("event_type", "changed", "sentence"),
    [
        (facts.NodeStarted, {"scope": "", "items": None, "attempt": 1}, "Node ask started."),
        (
            facts.CacheHit,
            {"answered_by": str(an_id(2)), "saved_tokens": 0, "saved_cost": "0"},
            f"Answered from memory, saving 1.8 s; instance {an_id(2)} answered the same before.",
        ),
        (facts.NodeStarted, {"scope": "", "attempt": 2}, "Node ask started with 3 items, attempt 2."),
        (facts.NodeFailed, {"scope": "each:1:1:2", "error": BROKEN}, "Node ask (pass 3 of each) failed: It broke."),
        (facts.NodeCompleted, {"scope": "a:1:1:0/b:1:1:4"}, "Node ask (pass 5 of b) goes on with its fallback value."),
        (facts.NodeCancelled, {"scope": "", "reason": "withdrawn"}, "Node ask was withdrawn: another branch went on."),
        (facts.BodyFailed, {"node_id": "each", "index": 2, "error": BROKEN}, "Pass 3 of each failed: It broke."),
        (
            facts.BodyCompleted,
            {"node_id": "each", "index": 2, "broke": True},
            "Pass 3 of each completed, and is the last.",
        ),
        (facts.SectionEntered, {"section_key": "acct/42"}, "Section acct/42 entered."),
        (
            facts.SectionRequested,
            {"node_id": None, "section_key": "acct/42"},
            "The run queues for section acct/42, at most 3 at once.",
        ),
        (facts.ApprovalDecided, {"scope": "", "approved": False, "comment": "No."}, "bob rejected node ask: No."),
        (
            facts.CompensationStarted,
            {"error": None},
            "What was done is undone, the last first, because it was cancelled.",
        ),
        (
            facts.InstanceRetryScheduled,
            {"error": BROKEN, "due_at": AT_ONE},
            "Failed: It broke. Goes on from there at 13:00:00, try 2.",
        ),
    ],
)
def test_a_sentence_says_what_happened_and_where(
    event_type: type[facts.InstanceEvent], changed: dict[str, Any], sentence: str
) -> None:
    assert told(event_type, **changed) == sentence


@pytest.mark.parametrize(
    ("wait", "sentence"),
    [
        ({"kind": "time", "due_at": AT_ONE}, "Node ask waits for 13:00:00."),
        ({"kind": "signal", "name": "paid"}, "Node ask waits for the signal paid."),
        ({"kind": "signal", "name": "paid", "key": "order-7"}, "Node ask waits for the signal paid for order-7."),
        ({"kind": "approval"}, "Node ask waits for an approval by the owner or the team."),
        (
            {"kind": "approval", "terms": {"approvers": {"users": ["bob"], "teams": ["mill"]}}, "due_at": AT_ONE},
            "Node ask waits for an approval by bob or team mill until 13:00:00.",
        ),
    ],
)
def test_a_wait_says_what_it_waits_for(wait: dict[str, Any], sentence: str) -> None:
    assert told(facts.WaitStarted, scope="", waits_for=[{"label": "it", **wait}]) == sentence


def test_a_race_names_everything_that_may_come() -> None:
    race = [{"label": "paid", "kind": "signal", "name": "paid"}, {"label": "late", "kind": "time", "due_at": AT_ONE}]

    assert told(facts.WaitStarted, scope="", waits_for=race) == "Node ask waits for the signal paid, or for 13:00:00."


@pytest.mark.parametrize(
    ("event_type", "changed", "level"),
    [
        (facts.NodeStarted, {}, "info"),
        (facts.NodeFailed, {}, "error"),
        (facts.BodyFailed, {}, "error"),
        (facts.InstanceFailed, {}, "error"),
        (facts.ErrorCaught, {}, "warn"),
        (facts.InstanceTerminated, {}, "warn"),
        (facts.NodeCompleted, {"fell_back": True}, "warn"),
        (facts.NodeCompleted, {"fell_back": False}, "info"),
        (facts.NodeCancelled, {"reason": "withdrawn"}, "info"),
        (facts.NodeCancelled, {"reason": "requested"}, "warn"),
        (facts.ChildEnded, {"outcome": "failed"}, "warn"),
        (facts.ChildEnded, {"outcome": "completed"}, "info"),
        (facts.ApprovalDecided, {"approved": False}, "warn"),
        (facts.ApprovalDecided, {"approved": True}, "info"),
    ],
)
def test_a_fact_is_as_serious_as_what_it_tells(
    event_type: type[facts.InstanceEvent], changed: dict[str, Any], level: Level
) -> None:
    assert level_of(fact(event_type, **changed)) == level


def test_an_entry_says_where_and_carries_everything_else() -> None:
    entry = log_entry(fact(facts.BodyFailed))

    assert (entry.seq, entry.event, entry.node_id, entry.visit, entry.attempt) == (7, "BodyFailed", "ask", 1, 2)
    assert (entry.data["scope"], entry.data["index"]) == ("each:1:1:3", 3)
    assert not {"timestamp", "originator_id"} & set(entry.data)


def test_money_is_a_number_in_a_stream_line() -> None:
    line = stream_line(fact(facts.InstanceTerminated))

    assert (line.event, line.data["figures"]["cost"]) == ("InstanceTerminated", 0.000123)
