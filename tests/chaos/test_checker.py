"""The checker is silent where all is well, and each invariant speaks up for its own kind of harm."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.checker import INVARIANTS, violations
from tests.chaos.evidence import Evidence, Fact, Resources, Row
from tests.chaos.quiet import BLUEPRINT, KEY, NOW, OUTPUT, RUN, TOKEN, effect, fact, heard, life, node, quiet, told

Harm = Callable[[Evidence], Evidence]
BEFORE, AFTER = "2026-01-01T11:00:00+00:00", "2026-01-01T13:00:00+00:00"


def having(**changed: Any) -> Harm:
    """The quiet house, but for this."""
    return lambda evidence: replace(evidence, **changed)


def unended(*more: Fact) -> Harm:
    """A run that never ended, with these last facts."""
    facts = [*life()[:1], *more]
    return having(facts=facts, told=[], effects=[], rows={RUN: Row("waiting", None, 1, BLUEPRINT)}, counted={})


def waits_for(**thing: Any) -> Fact:
    return node(2, "WaitStarted", 2, waits_for=({"label": "", **thing},))


SIGNAL = {"kind": "signal", "name": "go"}
RECEIVED = fact(3, "SignalReceived", 3, signal_id="s", name="go")
POSTED = fact(3, "SignalPosted", 1, "mailbox", signal_id="s", name="go", key="k")
SECOND = [fact(5, "InstanceRequested", 1, "run-2", metadata={"token": TOKEN})]
TWICE = [heard(1, 0), heard(2, 1), heard(1, 0, sequence=3)]
SWAPPED = [heard(1, 0), heard(3, 2), heard(2, 1), heard(4, 3)]

HARMS: dict[str, list[Harm]] = {
    "every_accepted_run_is_recorded": [having(facts=[], effects=[])],
    "every_accepted_run_ends_or_waits_for_something_real": [
        unended(),
        unended(waits_for(**SIGNAL), RECEIVED),
        unended(waits_for(**SIGNAL, key="k"), POSTED),
        unended(waits_for(kind="approval"), node(3, "ApprovalDecided", 3)),
        unended(fact(2, "InstanceSuspended", 2, due_at=BEFORE)),
        unended(fact(2, "InstancePaused", 2), fact(3, "InstanceResumed", 3)),
        unended(node(2, "ChildStarted", 2, child_id="nobody")),
    ],
    "a_run_ends_once": [having(facts=[*life(), fact(5, "InstanceCancelled", 5)])],
    "a_history_has_no_gap": [having(facts=[*life()[:3], fact(4, "InstanceCompleted", 5, output=OUTPUT)])],
    "no_completed_node_ran_again": [
        having(facts=[*life()[:3], node(4, "NodeStarted", 4), fact(5, "InstanceCompleted", 5, output=OUTPUT)]),
        having(facts=[*life()[:3], node(4, "NodeCompleted", 4, output=None)]),
    ],
    "an_effect_is_repeated_only_with_the_same_key": [having(effects=[effect(f"{RUN}//a/1/7", attempt=1)])],
    "an_effect_is_repeated_only_by_a_new_owner": [
        having(effects=[effect(), effect()]),
        having(facts=[*life()[:3], fact(4, "InstanceClaimed", 4)], effects=[effect(), effect()]),
        having(effects=[effect(), effect(f"{RUN}//never/1/1")]),
    ],
    "what_completed_has_happened": [having(effects=[])],
    "an_id_that_was_answered_once_answers_for_ever": [
        having(told=[told("execute", key="k"), told("execute", key="k", instance_id="run-2")]),
        having(facts=[*life(), *SECOND]),
    ],
    "what_was_told_is_what_is_recorded": [
        having(told=[told("get", status="failed")]),
        having(told=[told("get", status="completed", output=1, shows_output=True)]),
        having(told=[told("get", status="completed"), told("get", status="running")]),
    ],
    "what_was_refused_left_nothing": [having(told=[told("execute", http=422, instance_id=None)])],
    "accepted_orders_are_recorded": [
        having(told=[told("signal", http=202, detail="s")]),
        having(told=[told("signals", http=202, detail="s", instance_id=None)]),
        having(told=[told("approve")]),
    ],
    "a_stream_tells_a_history_from_its_beginning": [
        having(told=[told("stream", detail=[(1, "InstanceRequested"), (3, "NodeCompleted")])])
    ],
    "facts_are_on_the_bus_once_and_in_order": [
        having(heard={"execution": TWICE}),
        having(heard={"execution": SWAPPED}),
        having(heard={"execution": [heard(1, 0), heard(3, 2), heard(4, 3)]}),
        having(heard={"execution": [heard(1, 0), heard(2, 1), heard(3, 2), heard(3, 2, sequence=2)]}),
    ],
    "what_is_on_the_bus_is_in_the_ledger": [having(heard={"execution": [heard(1, 0, event_id="another")]})],
    "the_bus_brings_everything": [having(heard={"execution": [heard(1, 0)]})],
    "instances_are_shown_as_recorded": [
        having(rows={}),
        having(rows={RUN: Row("running", None, 3, BLUEPRINT)}),
        having(rows={RUN: Row("completed", None, 4, BLUEPRINT)}),
        lambda evidence: replace(unended()(evidence), rows={RUN: Row("completed", None, 1, BLUEPRINT)}),
    ],
    "every_end_is_counted_once": [
        having(counted={}),
        having(counted={RUN: "failed"}),
        having(counted={RUN: "completed", "run-2": "completed"}),
    ],
    "only_what_nobody_can_read_is_put_aside": [having(dead_letters=[("instances", b"{}", "LookupError")])],
    "a_rebuilt_read_model_equals_the_live_one": [having(rebuilt={"t": ["a"]}), having(rebuilt={})],
    "there_are_no_orphans": [having(blueprints=frozenset()), having(rows={})],
    "throughput_is_back_without_a_hand": [having(recovery=[(0.0, 4.0), (31.0, 10.0)])],
    "every_worker_is_taken_for_alive": [having(after=Resources(leases=1)), having(after=Resources(leases=3))],
    "no_process_grows": [
        having(after=Resources({"gateway": 1 << 30}, {"gateway": 10})),
        having(after=Resources({"gateway": 1 << 27}, {"gateway": 1_000})),
        having(after=Resources()),
    ],
    "no_connection_is_left_behind": [having(after=Resources({}, {}, {"NATS": 40}))],
    "no_consumer_is_left_behind": [
        having(after=Resources(consumers=frozenset({"E/work", "E/other"}))),
        having(after=Resources()),
    ],
}

REAL = [
    unended(waits_for(**SIGNAL)),
    unended(waits_for(**SIGNAL, key="k"), POSTED, fact(4, "SignalTaken", 2, "mailbox", signal_id="s")),
    unended(waits_for(kind="approval")),
    unended(fact(2, "InstanceSuspended", 2, due_at=AFTER)),
    unended(fact(2, "InstancePaused", 2)),
]
CLAIMED = [*life()[:2], fact(3, "InstanceClaimed", 3), node(4, "NodeCompleted", 4, output={"key": KEY})]
ALLOWED = {
    "a worker that died is followed by another one, which acts again": having(
        facts=[*CLAIMED, fact(5, "InstanceCompleted", 5, output=OUTPUT)], effects=[effect(), effect()]
    ),
    "a stream that was made anew begins where it likes": having(
        heard={"execution": [heard(1, 0), *(heard(p, p - 1, incarnation="second") for p in range(3, 5))]}
    ),
    "a stream whose servers forgot its end goes on behind what they kept": having(
        heard={"execution": [heard(1, 0), heard(2, 1), heard(3, 2), heard(2, 1), heard(3, 2), heard(4, 3)]}
    ),
    "what the nemesis publishes is nobody's fact": having(
        heard={"execution": [*quiet().heard["execution"], heard(1, 0, injected=True)]}
    ),
    "what was refused once and accepted later is a run": having(
        told=[told("execute", http=429, instance_id=None), told("execute", http=202)]
    ),
}


def speaking(evidence: Evidence) -> set[str]:
    return {violation.invariant for violation in violations(evidence)}


def test_where_all_is_well_nothing_is_said() -> None:
    assert violations(quiet()) == []
    assert quiet().gathered_at == NOW


def test_every_invariant_has_a_harm_that_it_finds() -> None:
    assert list(HARMS) == [invariant.__name__ for invariant in INVARIANTS]


@pytest.mark.parametrize(("invariant", "harm"), [(name, harm) for name, harms in HARMS.items() for harm in harms])
def test_each_harm_is_found_by_its_invariant(invariant: str, harm: Harm) -> None:
    assert invariant in speaking(harm(quiet()))


@pytest.mark.parametrize("wait", REAL)
def test_waiting_for_something_real_is_no_harm(wait: Harm) -> None:
    assert "every_accepted_run_ends_or_waits_for_something_real" not in speaking(wait(quiet()))


@pytest.mark.parametrize("story", ALLOWED)
def test_what_a_storm_may_do_is_no_harm(story: str) -> None:
    wrong = speaking(ALLOWED[story](quiet())) - {"instances_are_shown_as_recorded"}

    assert wrong == set()
