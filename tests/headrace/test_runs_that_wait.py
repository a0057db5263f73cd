"""Runs that wait for somebody, taken to their end by one command, or steered by several."""

import json
import re

import pytest

from headrace.blueprint_file import load_blueprint
from headrace.commands.options import connect, own_name
from headrace.publishing import publish
from tests.support.eventually import eventually

PURCHASE = """
name: purchase
nodes:
  - {id: start, type: start}
  - id: review
    type: approval
    config:
      title: "Buy for ${ input.amount }"
      form: {type: object, properties: {limit: {type: number}}, required: [limit]}
      on_reject: continue
      split: exclusive
  - {id: paid, type: signal, config: {name: paid}}
  - {id: bought, type: end, config: {output: {paid: "${ nodes.paid }", limit: "${ nodes.review.form.limit }"}}}
  - {id: left, type: end, config: {output: "${ nodes.review.comment }"}}
edges:
  - {source: start, target: review}
  - {source: review, target: paid, condition: nodes.review.approved}
  - {source: review, target: left}
  - {source: paid, target: bought}
"""
INPUT = ("--input", '{"amount": 20}')


@pytest.fixture
async def waiting(stack, file, tmp_path):
    """The id of a run that waits for its review."""
    with connect(stack.data_dir, None, None, None) as client:
        blueprint, _ = publish(client, load_blueprint(tmp_path / file(PURCHASE)), own_name(None))
        run = client.execute(blueprint["id"], {"amount": 20}, mode="async")["instance_id"]
        await eventually(lambda: client.waits(run)["items"])
    return run


def test_one_command_takes_it_to_its_end(on_stack, file):
    status, out, _ = on_stack(
        "run", file(PURCHASE), *INPUT, "--approve", 'review={"limit": 50}', "--signal", 'paid={"by": "card"}'
    )

    assert status == 0
    told = [line.strip() for line in out.splitlines()]
    assert [line for line in told if line.startswith("→")] == ["→ approved review", "→ sent signal `paid`"]
    assert 'output  {"paid": {"by": "card"}, "limit": 50}' in out


def test_a_rejection_takes_its_own_way(on_stack, file):
    status, out, _ = on_stack(
        "run", file(PURCHASE), *INPUT, "--reject", "review=Too dear.", "--signal", "paid", "--json"
    )

    assert status == 0
    assert json.loads(out)["output"] == "Too dear."


def test_a_form_that_does_not_fit_is_said_and_the_run_goes_on(on_stack, file, stack):
    slow = PURCHASE.replace(
        "on_reject: continue", "on_reject: continue\n      deadline_seconds: 0.5\n      on_deadline: reject"
    )

    status, out, _ = on_stack("run", file(slow), *INPUT, "--approve", 'review={"limit": "high"}')

    assert status == 0
    assert "! review: " in out
    assert re.search(r"headrace approve \S+ --node review --form '{\"limit\": 0.0}' --data-dir", out)


def test_it_is_steered_by_the_commands_that_it_shows(on_stack, waiting):
    shown = on_stack("waits", waiting)[1]
    approve = re.search(r"headrace (approve .*) --data-dir", shown)
    assert approve is not None

    status, out, _ = on_stack("approve", waiting, "--node", "review", "--form", '{"limit": 7}')
    sent = on_stack("signal", waiting, "paid", "--payload", "1")
    logged = on_stack("logs", waiting, "--follow", "--json")[1]

    assert f"waits for an approval: Buy for 20\n    headrace approve {waiting} --node review --form" in shown
    assert (status, out.splitlines()[0]) == (0, "Approved.")
    assert sent[:2] == (0, f"Sent signal `paid` to {waiting}.\n")
    assert json.loads(logged.splitlines()[-1])["event"] == "InstanceCompleted"


def test_it_is_paused_resumed_and_terminated(on_stack, waiting):
    paused = on_stack("pause", waiting)
    shown = on_stack("waits", waiting)[1]
    resumed = on_stack("resume", waiting)
    ended = on_stack("terminate", waiting)

    assert paused[1].startswith(f"Paused.\n    headrace resume {waiting} --data-dir")
    assert f"{waiting} is paused: headrace resume {waiting}" in shown
    assert (resumed[1], ended[1]) == ("It goes on.\n", "terminated\n")
    assert on_stack("lineage", waiting)[1].endswith("children none\n")


def test_what_has_ended_is_not_steered_any_more(on_stack, waiting):
    on_stack("cancel", waiting)

    for verb in ("pause", "resume", "terminate", "retry", "approve", "reject"):
        status, _, err = on_stack(verb, waiting)
        assert (status, err.startswith("headrace: Conflict (409 ")) == (2, True), err


def test_a_failed_run_goes_on_after_a_retry(on_stack, file):
    failing = file(
        "name: fails once\nnodes:\n  - {id: start, type: start}\n"
        "  - {id: shaky, type: tool, config: {name: fail, arguments: {error_type: permanent, times: 1}}}\n"
        "edges: [{source: start, target: shaky}]\n"
    )
    failed = on_stack("run", failing)[1]
    retry = re.search(r"headrace retry (\S+)", failed)
    assert retry is not None

    status, out, _ = on_stack("retry", retry[1])
    logged = on_stack("logs", retry[1], "--follow", "--json")[1]

    assert (status, out.splitlines()[0]) == (0, "It goes on from where it failed.")
    assert json.loads(logged.splitlines()[-1])["event"] == "InstanceCompleted"
