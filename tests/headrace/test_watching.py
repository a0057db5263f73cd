"""A run is watched to its end, whatever becomes of the stream."""

import io
import json
from typing import Any

import httpx
import pytest

from headrace import following
from headrace.answering import Answering, Answers
from headrace.errors import Complaint, LeftRunning
from headrace.runs import watch
from tests.headrace.gateways import client, problem

RUN = "0199f1c2-5a7e-7cc1-b1a6-4f3d2e1c0b9a"
ENDED = {"id": RUN, "status": "completed", "output": 42, "error": None, "metrics": None}
WAIT = {"node_id": "paid", "waits_for": [{"label": "", "kind": "signal", "name": "paid"}]}
LIFE: list[tuple[str, dict[str, Any]]] = [
    ("InstanceStarted", {}),
    ("WaitStarted", WAIT),
    ("SignalReceived", {"name": "paid", "by": "ada"}),
    ("InstanceCompleted", {"output": 42}),
]
LINES = [
    {"seq": seq, "event": event, "instance_id": RUN, "time": "2026-01-31T12:00:00Z", "data": data}
    for seq, (event, data) in enumerate(LIFE, 1)
]


class Run:
    """A gateway with one run: streams the first lines of it, has the others in its log."""

    def __init__(self, streamed: int, *, down_for: int = 0) -> None:
        self.streamed = streamed
        self.down_for = down_for
        self.signals: list[Any] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/stream"):
            lines = LINES[: self.streamed]
            return httpx.Response(200, content="".join(json.dumps(line) + "\n" for line in lines))
        if self.down_for > 0:
            self.down_for -= 1
            if self.down_for % 2:
                return problem(503, code="no_responder", detail="No execution service is running.")
            raise httpx.ConnectError("refused", request=request)
        if path.endswith("/signal"):
            self.signals.append(json.loads(request.content)["payload"])
            return httpx.Response(202, json={})
        if path.endswith("/logs"):
            after = int(request.url.params["after"])
            return httpx.Response(200, json={"items": LINES[after:], "next_cursor": None})
        return httpx.Response(200, json=ENDED)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "FOLLOW_SECONDS", 0.01)


def watched(run: Run, *signals: str) -> str:
    """What is shown of the run."""
    out, to = io.StringIO(), client(run)
    watch(to, "9", {}, out, Answering(to, Answers.prepared(signals, (), ())))
    return out.getvalue()


def test_a_run_is_shown_with_its_outcome():
    shown = watched(Run(4))

    assert "✉ signal `paid` from ada" in shown
    assert "output  42" in shown


@pytest.mark.parametrize("streamed", [1, 2, 3])
def test_what_a_broken_stream_did_not_tell_the_log_tells(streamed: int):
    assert watched(Run(streamed)) == watched(Run(4))


def test_a_signal_is_sent_once_also_when_the_gateway_was_away_at_that_moment():
    run = Run(2, down_for=2)

    shown = watched(run, "paid=7")

    assert run.signals == [7]
    assert shown.count("→ sent signal `paid`") == 1


def test_a_gateway_that_stays_away_leaves_the_run_to_itself(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("headrace.runs.PATIENCE_SECONDS", 0.0)

    with pytest.raises(Complaint, match=f"Run {RUN} goes on when it is back"):
        watched(Run(2, down_for=99))


def test_a_stream_without_a_line_cannot_be_followed():
    with pytest.raises(Complaint, match="look for it with `headrace instances`"):
        watched(Run(0))


def test_whoever_leaves_learns_how_to_come_back(monkeypatch: pytest.MonkeyPatch):
    def leave(*_: object) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(Answering, "react", leave)

    with pytest.raises(LeftRunning, match=f"`headrace logs {RUN} --follow` shows it") as left:
        watched(Run(4))

    assert left.value.exit_code == 130
