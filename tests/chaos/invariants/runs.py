"""What must be true of every run that was accepted."""

from collections import Counter
from collections.abc import Iterator, Sequence

from tests.chaos.evidence import ENDS, Evidence, Fact
from tests.chaos.history import executions

SETTLES = frozenset({"WaitEnded", "NodeCompleted", "NodeFailed", "NodeCancelled"})


def every_accepted_run_is_recorded(evidence: Evidence) -> Iterator[str]:
    """Whoever was told an id finds the run in the ledger."""
    for told in executions(evidence.told):
        if told.accepted and told.instance_id not in evidence.runs:
            yield f"run {told.instance_id} was accepted ({told.http}) and is in no ledger"


def every_accepted_run_ends_or_waits_for_something_real(evidence: Evidence) -> Iterator[str]:
    """It has ended, or it waits for a signal that nobody sent, a time to come, a person, or a child that waits."""
    for instance_id in evidence.runs:
        if evidence.end_of(instance_id) is None and not waits(evidence, instance_id):
            last = evidence.runs[instance_id][-1].topic
            yield f"run {instance_id} has not ended and waits for nothing that is real (its last fact: {last})"


def a_run_ends_once(evidence: Evidence) -> Iterator[str]:
    """One end, and nothing after it but what somebody outside recorded too late to matter."""
    for instance_id, facts in evidence.runs.items():
        ends = [fact.topic for fact in facts if fact.topic in ENDS]
        if len(ends) > 1:
            yield f"run {instance_id} ended {len(ends)} times: {', '.join(ends)}"


def a_history_has_no_gap(evidence: Evidence) -> Iterator[str]:
    """The versions of each run count from 1, in the order of the ledger."""
    for instance_id, facts in evidence.runs.items():
        versions = [fact.version for fact in facts]
        if versions != list(range(1, len(facts) + 1)):
            yield f"the facts of run {instance_id} are numbered {versions}"


def no_completed_node_ran_again(evidence: Evidence) -> Iterator[str]:
    """A visit completes once, and nothing of it begins afterwards."""
    for facts in evidence.runs.values():
        completed: Counter[tuple[str, str, str, int]] = Counter()
        for fact in facts:
            if fact.topic == "NodeStarted" and completed[fact.place]:
                yield f"{fact.place} began again after it had completed"
            if fact.topic == "NodeCompleted":
                completed[fact.place] += 1
        for place, times in completed.items():
            if times > 1:
                yield f"{place} completed {times} times"


def waits(evidence: Evidence, instance_id: str) -> bool:
    """Whether a run that has not ended waits for something that has not come."""
    facts = evidence.runs[instance_id]
    if _is_paused(facts):
        return True
    due = [str(fact.body.get("due_at")) for fact in facts if fact.body.get("due_at")]
    if due and max(due) > evidence.gathered_at:
        return True
    if any(_is_open(evidence, facts, wait) for wait in _open_waits(facts)):
        return True
    return any(_waits_for_child(evidence, fact) for fact in facts if fact.topic == "ChildStarted")


def _is_paused(facts: Sequence[Fact]) -> bool:
    orders = [fact.topic for fact in facts if fact.topic in ("InstancePaused", "InstanceResumed")]
    return bool(orders) and orders[-1] == "InstancePaused"


def _open_waits(facts: Sequence[Fact]) -> list[Fact]:
    found: dict[tuple[str, str, str, int], Fact] = {}
    for fact in facts:
        if fact.topic == "WaitStarted":
            found[fact.place] = fact
        elif fact.topic in SETTLES:
            found.pop(fact.place, None)
    return list(found.values())


def _is_open(evidence: Evidence, facts: Sequence[Fact], wait: Fact) -> bool:
    """Whether none of the things that would end the wait is there."""
    taken = {fact.body.get("signal_id") for fact in facts if fact.topic == "WaitEnded"}
    for thing in wait.body["waits_for"]:
        if thing["kind"] == "approval" and any(fact.topic == "ApprovalDecided" for fact in facts):
            return False
        if thing["kind"] != "signal":
            continue
        came = [fact for fact in facts if fact.topic == "SignalReceived" and fact.body["name"] == thing["name"]]
        if any(fact.body["signal_id"] not in taken for fact in came):
            return False
        if thing.get("key") is not None and _is_posted(evidence, str(thing["name"]), str(thing["key"])):
            return False
    return True


def _is_posted(evidence: Evidence, name: str, key: str) -> bool:
    posted = {
        fact.body["signal_id"]
        for fact in evidence.facts
        if fact.topic == "SignalPosted" and (fact.body.get("name"), fact.body["key"]) == (name, key)
    }
    return bool(posted - {fact.body["signal_id"] for fact in evidence.facts if fact.topic == "SignalTaken"})


def _waits_for_child(evidence: Evidence, started: Fact) -> bool:
    child = str(started.body.get("child_id"))
    return child in evidence.runs and evidence.end_of(child) is None and waits(evidence, child)
