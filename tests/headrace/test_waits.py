"""What a run waits for, in words, and the commands that end each wait."""

import shlex

import pytest

from headrace.waits import Wait, waits_of

RUN = "0199f1c2-5a7e-7cc1-b1a6-4f3d2e1c0b9a"
NOON = "2026-01-31T12:00:00.000Z"
LATER = "2026-01-31T12:00:05.000Z"
FORM = {
    "properties": {
        "limit": {"type": "number"},
        "who": {"type": "string", "default": "ada"},
        "how": {"enum": ["fast", "slow"]},
        "note": {"type": "string"},
    },
    "required": ["limit", "who", "how"],
}


def wait(kind: str, **members) -> Wait:
    return Wait.read("review", {"label": "a", "kind": kind, **members})


@pytest.mark.parametrize(
    ("waited", "words"),
    [
        (wait("signal", name="paid"), "signal `paid`"),
        (wait("signal", name="paid", key="order-1"), "signal `paid` (key order-1)"),
        (wait("approval"), "an approval"),
        (wait("approval", terms={"title": "Order 1"}), "an approval: Order 1"),
        (wait("approval", title="Order 1", due_at=LATER), "an approval: Order 1, within 5.0 s"),
        (wait("time", due_at=LATER), "5.0 s"),
        (wait("instance", name=RUN), f"run {RUN}"),
        (wait("section", name="account/7"), "its place in section account/7"),
    ],
)
def test_a_wait_is_told_in_words(waited, words):
    assert waited.told(since=NOON) == words


@pytest.mark.parametrize(
    ("waited", "words"),
    [
        (wait("approval", due_at=LATER), "an approval, until 2026-01-31 12:00:05 UTC"),
        (wait("time", due_at=LATER), "2026-01-31 12:00:05 UTC"),
        (wait("time"), "a time"),
    ],
)
def test_what_has_no_beginning_is_told_by_the_clock(waited, words):
    assert waited.told() == words


@pytest.mark.parametrize(
    ("waited", "commands"),
    [
        (wait("signal", name="paid"), [f"headrace signal {RUN} paid --payload '{{}}'"]),
        (wait("signal", name="two words"), [f"headrace signal {RUN} 'two words' --payload '{{}}'"]),
        (wait("approval"), [f"headrace approve {RUN} --node review", f"headrace reject {RUN} --node review"]),
        (wait("time", due_at=LATER), []),
    ],
)
def test_a_wait_knows_the_commands_that_end_it(waited, commands):
    assert waited.commands(RUN) == commands


def test_a_command_says_again_which_stack():
    (command,) = wait("signal", name="paid").commands(RUN, " --data-dir /tmp/x")

    assert command.endswith("--payload '{}' --data-dir /tmp/x")


def test_a_form_is_shown_with_an_example_of_everything_it_asks_for():
    command = wait("approval", terms={"form": FORM}).commands(RUN)[0]

    assert shlex.split(command)[-2:] == ["--form", '{"limit": 0.0, "who": "ada", "how": "fast"}']


def test_a_fact_and_the_list_of_open_waits_read_the_same():
    fact = {
        "node_id": "review",
        "waits_for": [{"label": "", "kind": "approval", "terms": {"title": "T", "form": FORM}}],
    }

    assert waits_of(fact) == [Wait.read("review", {"label": "", "kind": "approval", "title": "T", "form": FORM})]
