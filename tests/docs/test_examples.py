"""Every example runs as the head of its file says: the command as it stands there, how it ends, the way it takes."""

import re
import sys
from collections import Counter
from secrets import token_hex

import pytest

from headrace import cli
from headrace.client import Headrace
from headrace.embedded.secrets import read_secrets
from headrace.following import entries
from headrace.tokens import sign
from tests.support.examples import Shown, examples, shown
from tests.support.stacks import Up

SHOWN = [command for file in examples() for command in shown(file)]
MARKS = {"NodeCompleted": "", "NodeFailed": "!", "NodeCancelled": "-", "NodeThrottled": "~", "CacheHit": "="}
WAYS = {
    "answer_question --input": "start answer end",
    "approval_deadline": "start release end",
    "approval_deadline --reject": "start !release",
    "approval_with_form --approve": "start budget buy",
    "approval_with_form --reject": "start budget forget_it",
    "cache_node": "start code look_up city code =look_up look_up city cities end",
    "cache_run": "start number square end",
    "cache_run again": "=",
    "cancel_node": "start pick_up -ring stop end",
    "children --with": "start delivery {lines.start lines.start lines.call lines.call lines.end lines.end} lines "
    "statistics end",
    "critical_section": "start {customer customer customer till till till} customers end",
    "critical_section_of_runs --input": "start book",
    "end_at_once": "start alarm leave -paperwork",
    "error_edges": "start !pay later",
    "error_edges --input": "start !pay ask_somebody",
    "executor_langgraph": "start {egg toast} end",
    "executor_parallel": "start {egg toast} end",
    "executor_sequential": "start egg toast end",
    "fallback": "start !recommend !recommend recommend end",
    "fan_out": "start {north south slow_east !shaky_west shaky_west} total end",
    "heartbeat": "start !import alarm",
    "hello --input": "start greet end",
    "instance_retry": "start load !ring !ring ring",
    "join_any": "start cache answer end shop",
    "join_cancel_rest": "start bike -lorry book end",
    "join_n_of_m": "start {ada grace} accept end edsger",
    "loop_break": "start shelf next shelf next shelf found search end",
    "loop_for_each": "start thing line thing line lines end",
    "loop_for_each --input": "start thing line lines end",
    "loop_until": "start pass pause ask pass pause ask pass pause ask poll end",
    "loop_while": "start empty month put_aside month put_aside month put_aside saving end",
    "loop_while --input": "start empty saving end",
    "map_in_order": "start begin begin nap begin {nap nap} naps end",
    "map_in_order --input": "start begin begin {nap nap} naps end",
    "map_tolerates_failures": "start reader reader reader {send !refuse send sent sent} newsletter end",
    "map_tolerates_failures --input": "start reader !refuse !newsletter",
    "map_until_enough": "start supplier supplier supplier offer offer -offer offers end",
    "middleware_choice": "start ask",
    "order_review --input": "start note size approve written_down end",
    "poll_until_done --input": "start begin count ask done pause count ask done end",
    "race_of_waits": "start outcome remind",
    "race_of_waits --signal": "start outcome thank",
    "rate_limit_nodes": "start question question question {~ask ~ask ask ask ask} questions end",
    "rate_limit_tokens": "start subject write subject write subject write haikus end",
    "region_with_handler": "start begin seat !charge !booking apologise",
    "retry_never_on": "start !order",
    "retry_with_backoff": "start !call !call call",
    "saga": "start flight hotel !pay cancel_hotel cancel_flight",
    "split_exclusive": "start everyday",
    "split_exclusive --input": "start manager",
    "split_inclusive": "start mail end",
    "split_inclusive --input": "start {sms push} end",
    "split_parallel": "start {cover contents} bind",
    "state_schema": "start price pay",
    "state_schema --input": "start price !pay",
    "timeout": "start !ask old_rate",
    "wait_delay": "start pour steep end",
    "wait_signal --signal": "start invoice payment ship",
    "wait_signal_by_key --signal": "start order payment end",
    "wait_until": "start hour closed end",
    "wait_until --input": "start hour closed end",
}
"""Visits in the order in which they were over: completed, !failed, -cancelled; ~put off, =answered from memory.

Those in braces come in any order; who is put off where the way does not say so came at a bad time.
"""


def named(command: Shown) -> str:
    return " ".join((command.file.stem, *command.options[:1]))


def differs(found: list[str], way: str) -> str | None:
    """Where the visits leave the way; None when they do not."""
    rest = [visit for visit in found if visit in way or not visit.startswith("~")]
    for together, one in re.findall(r"\{(.*?)\}|(\S+)", way):
        wanted = together.split() or [one]
        come, rest = rest[: len(wanted)], rest[len(wanted) :]
        if Counter(come) != Counter(wanted):
            return f"{' '.join(found)}: {wanted} expected, {come} found"
    return f"{rest} not expected" if rest else None


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stack: Up) -> "Say":
    return Say(monkeypatch, capsys, stack)


class Say:
    """A new person at the command line."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stack: Up) -> None:
        self.monkeypatch, self.capsys, self.stack = monkeypatch, capsys, stack
        self.user = f"reader-{token_hex(6)}"

    def __call__(self, *arguments: str) -> list[str]:
        """What a command prints."""
        where = ("--data-dir", str(self.stack.data_dir), "--user", self.user)
        self.monkeypatch.setattr(sys, "argv", ["headrace", *arguments, *where])
        with pytest.raises(SystemExit):
            cli.main()
        return [line.strip() for line in self.capsys.readouterr().out.splitlines()]

    def way(self, name: str) -> list[str]:
        """The visits of the newest run of this blueprint."""
        secrets = read_secrets(self.stack.data_dir)
        assert secrets is not None
        with Headrace(str(self.stack.state["url"]), sign(secrets.jwt, self.user)) as client:
            blueprint = next(found for found in client.blueprints(q=name) if found["name"] == name)
            newest = next(iter(client.instances(blueprint_id=blueprint["id"])))
            told = entries(client, str(newest["id"]))
            return [MARKS[entry["event"]] + (entry["node_id"] or "") for entry in told if entry["event"] in MARKS]


def test_every_example_says_how_to_run_it() -> None:
    assert {command.file.stem for command in SHOWN} == {file.stem for file in examples()}
    assert {named(command) for command in SHOWN} == WAYS.keys() - {"cache_run again"}


@pytest.mark.parametrize("file", examples(), ids=lambda file: str(file.stem))
def test_it_runs_as_it_says(file: object, say: Say) -> None:
    seen: set[str] = set()
    for command in SHOWN:
        if command.file != file:
            continue
        printed = say("run", str(command.file), *command.options)
        ends = [line for line in printed if line.startswith(command.prints.removesuffix("…"))]
        assert len(ends) == 1, "\n".join(printed)
        assert ends == [command.prints] or command.prints.endswith("…")
        way = WAYS[f"{named(command)} again" if str(command) in seen else named(command)]
        seen.add(str(command))
        assert differs(say.way(command.file.stem), way) is None
