"""A run that waits is answered from what was prepared, else a person learns the command that goes on."""

import io
import json

import httpx
import pytest

from headrace import answering
from headrace.answering import Answering, Answers
from headrace.errors import Unreachable
from headrace.progress import RunPicture
from headrace.terminal import PlainScreen, QuietScreen, follow
from tests.headrace.gateways import Gateway, client, problem

RUN = "0199f1c2-5a7e-7cc1-b1a6-4f3d2e1c0b9a"
SIGNAL = {"label": "", "kind": "signal", "name": "paid"}
APPROVAL = {"label": "", "kind": "approval", "terms": {"title": "Order 1"}}
TIME = {"label": "late", "kind": "time", "due_at": "2026-01-31T13:00:00.000Z"}
DONE = httpx.Response(202, json={"instance_id": RUN, "status": "running", "changed": True})


def line(event: str, seq: int = 5, **data) -> dict:
    return {"seq": seq, "event": event, "instance_id": RUN, "time": "2026-01-31T12:00:00.000Z", "data": data}


def waiting(*waits: dict, node: str = "review") -> dict:
    return line("WaitStarted", node_id=node, visit=1, attempt=1, waits_for=list(waits))


def answers(*, signals=(), approvals=(), rejections=()) -> Answers:
    return Answers.prepared(signals, approvals, rejections)


def shown(gateway, *lines: dict, prepared: Answers | None = None, options: str = "") -> list[str]:
    """What a person sees of these lines, without the signs that other specifications look at."""
    out = io.StringIO()
    follow(lines, PlainScreen(out), RunPicture(), Answering(client(gateway), prepared, options).react)
    return [text.strip() for text in out.getvalue().splitlines()]


def test_with_nothing_prepared_the_commands_are_shown():
    told = shown(Gateway(), waiting(SIGNAL, APPROVAL, TIME), options=" --url http://x")

    assert told == [
        "… review                             waits for signal `paid`, or an approval: Order 1, or 1 h 0 min",
        f"headrace signal {RUN} paid --payload '{{}}' --url http://x",
        f"headrace approve {RUN} --node review --url http://x",
        f"headrace reject {RUN} --node review --url http://x",
    ]


def test_a_prepared_signal_is_sent_when_it_is_waited_for_and_not_before():
    gateway = Gateway(DONE)
    prepared = answers(signals=['paid={"amount": 20}'])

    told = shown(gateway, line("NodeStarted", node_id="review", node_type="signal"), waiting(SIGNAL), prepared=prepared)

    assert told[-1] == "→ sent signal `paid`"
    assert gateway.paths == [f"POST /instances/{RUN}/signal"]
    assert json.loads(gateway.asked[0].content) == {"name": "paid", "payload": {"amount": 20}}


def test_each_prepared_signal_is_sent_once():
    gateway = Gateway(DONE, DONE)
    prepared = answers(signals=["paid=1", "paid=2"])

    told = shown(gateway, *[waiting(SIGNAL)] * 3, prepared=prepared)

    assert [json.loads(asked.content)["payload"] for asked in gateway.asked] == [1, 2]
    assert told[-1] == f"headrace signal {RUN} paid --payload '{{}}'"


def test_decisions_are_made_in_turn_and_the_last_one_stands():
    gateway = Gateway(DONE, DONE, DONE)
    prepared = answers(approvals=['review={"limit": 1}'], rejections=["review=No more."])

    told = shown(gateway, *[waiting(APPROVAL)] * 3, prepared=prepared)

    assert gateway.paths == [f"POST /instances/{RUN}/{verb}" for verb in ("approve", "reject", "reject")]
    assert json.loads(gateway.asked[0].content) == {"node_id": "review", "form": {"limit": 1}}
    assert json.loads(gateway.asked[2].content) == {"node_id": "review", "comment": "No more."}
    assert told[1::2] == ["→ approved review", "→ rejected review", "→ rejected review"]


def test_of_several_waits_one_answer_is_enough():
    gateway = Gateway(DONE)

    told = shown(gateway, waiting(SIGNAL, APPROVAL), prepared=answers(signals=["paid"], approvals=["review"]))

    assert gateway.paths == [f"POST /instances/{RUN}/signal"]
    assert told[1:] == ["→ sent signal `paid`"]


def test_a_service_that_restarts_is_asked_again(monkeypatch):
    monkeypatch.setattr(answering, "PAUSE_SECONDS", 0.01)
    gateway = Gateway(problem(503, code="no_responder", detail="No execution service is running."), DONE)

    told = shown(gateway, waiting(SIGNAL), prepared=answers(signals=["paid"]))

    assert told[1:] == ["→ sent signal `paid`"]
    assert len(gateway.asked) == 2


def test_what_is_refused_is_said_and_the_commands_are_shown():
    gateway = Gateway(problem(403, code="not_an_approver", detail="Only the board may decide."))

    told = shown(gateway, waiting(APPROVAL), prepared=answers(approvals=["review"]))

    assert told[1:3] == ["! review: Only the board may decide.", f"headrace approve {RUN} --node review"]


def test_a_paused_run_says_how_to_resume_it():
    told = shown(Gateway(), line("InstancePauseRequested", by="bob"), line("InstancePaused"))

    assert told == ["‖ bob asked to pause", "‖ paused", f"headrace resume {RUN}"]


def test_signals_that_nothing_waited_for_are_named_at_the_end():
    left = Answering(client(Gateway()), answers(signals=["paid=1", "sent"]))

    assert left.unused() == [
        f"! signal `{name}` was not sent: the run did not wait for it" for name in ("paid", "sent")
    ]


def test_a_program_hears_only_of_what_calls_for_somebody():
    out = io.StringIO()
    lines = [line("NodeCompleted", node_id="a"), waiting(SIGNAL)]

    follow(lines, QuietScreen(out), RunPicture(), Answering(client(Gateway())).react)

    assert out.getvalue() == f"    headrace signal {RUN} paid --payload '{{}}'\n"


def test_an_answer_that_got_lost_with_the_gateway_is_not_dealt_with():
    def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    picture, prepared = RunPicture(), answers(signals=["paid"])
    lines = [line("InstanceStarted", 4), waiting(SIGNAL)]

    with pytest.raises(Unreachable):
        follow(lines, PlainScreen(io.StringIO()), picture, Answering(client(gone), prepared).react)

    assert (picture.instance_id, picture.seq) == (RUN, 4)
