"""The verbs that steer a run: what they say when it worked, and what to do next when it did not."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.headrace.served import Served, served_gateway

RUN = "0199f1c2-5a7e-7cc1-b1a6-4f3d2e1c0b9a"
FAMILY = {"blueprint_id": "b", "blueprint_version": 2, "status": "completed", "node_id": "each"}
DECIDE = f"    headrace approve {RUN} --node review\n    headrace reject {RUN} --node review\n"
APPROVAL = {"node_id": "review", "label": "", "kind": "approval", "title": "Order 1"}


@pytest.fixture
def gateway() -> Iterator[Served]:
    with served_gateway() as served:
        yield served


@pytest.fixture
def said(headrace, gateway):
    """What a command prints when its path is answered so."""

    def run(path: str, answer: Any, *command: str, status: int = 202) -> str:
        gateway.answers[path] = (status, answer)
        ended, out, err = headrace(*command, "--url", gateway.url, "--token", "secret")
        assert (ended, err) == (0, "")
        return out.replace(f" --url {gateway.url}", "")

    return run


@pytest.mark.parametrize(
    ("verb", "status", "changed", "words"),
    [
        ("pause", "paused", True, f"Paused.\n    headrace resume {RUN}\n"),
        ("pause", "running", True, f"Pausing: what is in flight ends first.\n    headrace resume {RUN}\n"),
        ("pause", "paused", False, f"It had been paused before.\n    headrace resume {RUN}\n"),
        ("resume", "running", True, "It goes on.\n"),
        ("resume", "waiting", False, "It was not paused; it is waiting.\n"),
        ("terminate", "terminated", True, "terminated\n"),
        ("terminate", "running", True, "terminating: its worker is being told\n"),
        ("retry", "running", True, f"It goes on from where it failed.\n    headrace logs {RUN} --follow\n"),
        ("cancel", "cancelled", True, "cancelled\n"),
        ("approve", "running", True, f"Approved.\n    headrace logs {RUN} --follow\n"),
        ("reject", "failed", True, f"Rejected.\n    headrace logs {RUN} --follow\n"),
    ],
)
def test_an_order_says_how_the_run_is_now(said, verb, status, changed, words):
    answer = {"instance_id": RUN, "status": status, "changed": changed}

    assert said(f"/instances/{RUN}/{verb}", answer, verb, RUN) == words


def test_one_node_is_given_up(said):
    answer = {"instance_id": RUN, "status": "running", "changed": True}

    words = said(f"/instances/{RUN}/nodes/slow/cancel", answer, "cancel", RUN, "--node", "slow")

    assert words == "slow is given up; the rest of the run goes on.\n"


@pytest.mark.parametrize(("forgotten", "words"), [(0, "0 answers"), (1, "1 answer"), (7, "7 answers")])
def test_a_cleared_cache_says_how_much_is_forgotten(said, forgotten, words):
    answer = {"blueprint_id": "9", "node_id": "ask", "forgotten": forgotten}

    assert (
        said("/blueprints/9/cache?node_id=ask", answer, "cache", "clear", "9", "--node", "ask") == f"Forgot {words}.\n"
    )


def test_a_follow_up_command_names_the_stack_again(headrace, gateway):
    gateway.answers[f"/instances/{RUN}/pause"] = (202, {"status": "paused", "changed": True})

    _, out, _ = headrace("pause", RUN, "--url", gateway.url, "--token", "secret", "--user", "ada l")

    assert out.splitlines()[1] == f"    headrace resume {RUN} --url {gateway.url} --user 'ada l'"


def test_a_signal_goes_to_one_run(said, gateway):
    answer = {"signal_id": "s", "instance_id": RUN}

    words = said(f"/instances/{RUN}/signal", answer, "signal", RUN, "paid", "--payload", '{"amount": 20}')

    assert words == f"Sent signal `paid` to {RUN}.\n"
    assert gateway.bodies == [{"name": "paid", "payload": {"amount": 20}}]


@pytest.mark.parametrize(
    ("taken_by", "words"),
    [
        (RUN, f"Sent signal `paid` to {RUN}.\n"),
        (None, "Nobody waits for k-1 yet; the signal `paid` is kept for the first run that does.\n"),
    ],
)
def test_a_signal_goes_to_a_key(said, gateway, taken_by, words):
    command = ("signal", "--blueprint", "b", "--key", "k-1", "paid")

    assert said("/blueprints/b/signals", {"signal_id": "s", "instance_id": taken_by}, *command) == words
    assert gateway.bodies == [{"name": "paid", "key": "k-1", "payload": None}]


def test_a_decision_carries_what_was_said(said, gateway):
    answer = {"instance_id": RUN, "status": "running", "changed": True}
    told = ("--node", "review", "--comment", "Fine.", "--form", '{"limit": 1}')

    said(f"/instances/{RUN}/approve", answer, "approve", RUN, *told)

    assert gateway.bodies == [{"node_id": "review", "comment": "Fine.", "form": {"limit": 1}}]


@pytest.mark.parametrize(
    ("status", "items", "words"),
    [
        ("completed", [], f"{RUN} is completed and waits for nobody.\n"),
        ("paused", [], f"{RUN} is paused: headrace resume {RUN}\n"),
        (
            "waiting",
            [APPROVAL],
            f"review waits for an approval: Order 1\n{DECIDE}",
        ),
    ],
)
def test_waits_are_shown_with_the_commands_that_end_them(said, status, items, words):
    answer = {"instance_id": RUN, "status": status, "items": items}

    assert said(f"/instances/{RUN}/waits", answer, "waits", RUN, status=200) == words


@pytest.mark.parametrize(
    ("parent", "children", "words"),
    [
        (None, [], ["run R", "parent none: it was started by a person or a program", "children none"]),
        (
            {"instance_id": "p", **FAMILY},
            [{"instance_id": "c", **FAMILY, "node_id": None}],
            [
                "run R",
                "root root",
                "parent p completed blueprint b version 2 · node each",
                "child c completed blueprint b version 2",
            ],
        ),
    ],
)
def test_a_family_is_shown(said, parent, children, words):
    answer = {"instance_id": RUN, "root_id": "root", "parent": parent, "children": children}

    shown = said(f"/instances/{RUN}/lineage", answer, "lineage", RUN, status=200)

    assert [" ".join(line.replace(RUN, "R").split()) for line in shown.splitlines()] == words


@pytest.mark.parametrize(
    ("command", "path", "status", "next_step"),
    [
        (["retry", RUN], f"/instances/{RUN}/retry", 409, "`headrace run FILE` starts a new one."),
        (["signal", RUN, "paid"], f"/instances/{RUN}/signal", 409, "`headrace instances --status waiting`"),
        (["approve", RUN], f"/instances/{RUN}/approve", 409, f"`headrace waits {RUN}` shows which approvals"),
        (["cancel", RUN, "--node", "a"], f"/instances/{RUN}/nodes/a/cancel", 409, f"`headrace logs {RUN}` shows"),
        (["pause", RUN], f"/instances/{RUN}/pause", 404, "`headrace instances` lists your runs."),
    ],
)
def test_a_refusal_says_what_to_do_next(headrace, gateway, command, path, status, next_step):
    gateway.answers[path] = (status, {"title": "Refused", "code": "no", "detail": "It is so."})

    ended, out, err = headrace(*command, "--url", gateway.url, "--token", "secret")

    assert (ended, out) == (2, "")
    assert err.startswith(f"headrace: Refused ({status} no): It is so.\n")
    assert next_step in err
