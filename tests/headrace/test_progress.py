"""What a person sees of a run, told from a recorded stream."""

import io

import pytest

from headrace.durations import milliseconds
from headrace.progress import RunPicture, summary
from headrace.terminal import PlainScreen, follow, screen

INSTANCE = "0199f1c2-5a7e-7cc1-b1a6-4f3d2e1c0b9a"
TIME = "2026-01-31T12:00:00.000Z"


def recorded(*events: tuple[str, dict]) -> list[dict]:
    """A stream as the gateway sends it: tokens have no seq."""
    lines = []
    for seq, (event, data) in enumerate(events, 1):
        number = None if event in ("Token", "Heartbeat") else seq
        lines.append(
            {"seq": number, "event": event, "instance_id": INSTANCE, "time": "2026-01-31T12:00:00.000Z", "data": data}
        )
    return lines


def node(identifier: str, kind: str, **more) -> dict:
    return {"node_id": identifier, "node_type": kind, "visit": 1, "attempt": 1, **more}


RUN = recorded(
    ("InstanceRequested", {"input": {}}),
    ("InstanceStarted", {}),
    ("NodeCompleted", node("start", "start", duration_ms=0.4)),
    ("VariableChanged", {"name": "asked", "value": {"count": 1}}),
    ("NodeStarted", node("ask", "model")),
    ("Token", {"node_id": "ask", "visit": 1, "text": "for"}),
    ("Token", {"node_id": "ask", "visit": 1, "text": "ty-two"}),
    ("Heartbeat", {}),
    ("NodeCompleted", node("ask", "model", duration_ms=812.4, prompt_tokens=12, completion_tokens=3)),
    ("NodeStarted", node("shaky", "tool")),
    ("NodeFailed", node("shaky", "tool", error={"type": "transient", "message": "the line was busy"})),
    ("NodeRetryScheduled", {"node_id": "shaky", "attempt": 2, "due_at": "2026-01-31T12:00:00.500Z"}),
    ("NodeStarted", node("shaky", "tool", attempt=2)),
    ("NodeCompleted", node("shaky", "tool", attempt=2, visit=3, duration_ms=1234.0)),
    ("NodeStarted", node("pause", "delay")),
    ("TimerScheduled", {"node_id": "pause", "due_at": "2026-01-31T12:00:05.000Z"}),
    ("SomethingNew", {"node_id": "later"}),
    ("InstanceCompleted", {"output": 42}),
)

TOLD = """\
  ✓ start                    start     0.4 ms
  = asked                    variable  {"count": 1}
  ✎ ask: forty-two
  ✓ ask                      model     812 ms · 12 + 3 tokens
  ✗ shaky                    tool      attempt 1: the line was busy
  ↻ shaky                    tool      attempt 2 follows in 500 ms
  ✓ shaky                    tool      1.2 s · visit 3 · attempt 2
  … pause                    delay     goes on in 5.0 s
"""


def test_a_run_is_told_node_by_node_in_plain_lines():
    out = io.StringIO()

    picture = RunPicture()
    follow(RUN, PlainScreen(out), picture)

    assert out.getvalue() == TOLD
    assert (picture.instance_id, picture.ended, picture.nodes_done) == (INSTANCE, True, 3)


def test_two_models_that_speak_at_once_are_told_apart():
    out = io.StringIO()
    tokens = [("Token", {"node_id": name, "text": text}) for name, text in [("a", "1"), ("b", "2"), ("a", "3")]]

    follow(recorded(*tokens), PlainScreen(out), RunPicture())

    assert out.getvalue() == "  ✎ a: 1\n  ✎ b: 2\n  ✎ a: 3"


def test_what_is_in_flight_is_known_at_every_line():
    picture = RunPicture()
    flights = []
    for line in RUN:
        picture.tell(line)
        flights.append(list(picture.running))

    assert flights[4:9] == [["ask"]] * 4 + [[]]
    assert flights[-2:] == [["pause"], []]


def test_a_terminal_gets_the_same_lines():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    with screen(out) as shown:
        follow(RUN, shown, RunPicture())

    assert all(line.strip() in out.getvalue() for line in TOLD.splitlines())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.0 ms"),
        (9.94, "9.9 ms"),
        (10, "10 ms"),
        (999, "999 ms"),
        (1500, "1.5 s"),
        (125_000, "2 min 5 s"),
        (7_500_000, "2 h 5 min"),
        (180_000_000, "2 d 2 h"),
    ],
)
def test_durations_are_for_people(value, text):
    assert milliseconds(value) == text


def test_the_outcome_names_what_it_took_and_what_it_cost():
    metrics = {
        "execution_time_ms": 234.5,
        "nodes_executed": 5,
        "tool_calls": 1,
        "retries": 2,
        "cache_hits": 0,
        "prompt_tokens": 120,
        "completion_tokens": 34,
        "cost": 0.00042,
    }

    told = summary({"status": "completed", "metrics": metrics})

    assert told == "completed in 234 ms · 5 nodes · 1 tool call · 2 retries · 120 + 34 tokens · $0.000420"
