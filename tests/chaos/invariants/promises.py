"""What clients were told must stay true."""

from collections import defaultdict
from collections.abc import Iterator

from tests.chaos.evidence import Evidence
from tests.chaos.history import OVER, executions

SIGNALS = frozenset({"signal", "signals"})


def an_id_that_was_answered_once_answers_for_ever(evidence: Evidence) -> Iterator[str]:
    """One Idempotency-Key is one run, and one request is at most one run."""
    named: dict[str, set[str]] = defaultdict(set)
    for told in executions(evidence.told):
        if told.key is not None and told.accepted and told.instance_id is not None:
            named[told.key].add(told.instance_id)
    for key, ids in named.items():
        if len(ids) > 1:
            yield f"Idempotency-Key {key!r} was answered with {len(ids)} runs: {sorted(ids)}"
    for token, instances in evidence.tokens.items():
        if len(instances) > 1:
            yield f"request {token} became {len(instances)} runs: {sorted(instances)}"


def what_was_told_is_what_is_recorded(evidence: Evidence) -> Iterator[str]:
    """An end that somebody was told is the end, with the same output; and nothing but it is told from then on."""
    ended: dict[str, str] = {}
    for told in evidence.told:
        if not told.accepted or told.instance_id is None or told.status is None:
            continue
        before = ended.get(told.instance_id)
        if before is not None and told.status != before and told.verb in ("get", "execute"):
            yield f"run {told.instance_id} was told to be {told.status} after it had been {before}"
        if told.status not in OVER or told.verb not in ("get", "execute"):
            continue
        ended[told.instance_id] = told.status
        recorded = evidence.end_of(told.instance_id)
        if told.status != recorded:
            yield f"run {told.instance_id} was told to be {told.status} and is recorded as {recorded}"
        elif told.shows_output and told.output != evidence.output_of(told.instance_id):
            yield f"run {told.instance_id} was told to answer {told.output!r}, which is not what is recorded"


def what_was_refused_left_nothing(evidence: Evidence) -> Iterator[str]:
    """A request that was refused, and never accepted nor left open, is in no ledger."""
    refused: dict[str, int] = {}
    others: set[str] = set()
    for told in executions(evidence.told):
        if told.refused:
            refused[told.token] = told.http or 0
        else:
            others.add(told.token)
    for token, http in refused.items():
        if token not in others and evidence.tokens.get(token):
            yield f"request {token} was refused ({http}) and is recorded as {evidence.tokens[token]}"


def accepted_orders_are_recorded(evidence: Evidence) -> Iterator[str]:
    """A signal that was accepted is kept; so is an approval."""
    signals = {
        fact.body.get("signal_id") for fact in evidence.facts if fact.topic in ("SignalReceived", "SignalPosted")
    }
    approved = {fact.stream for fact in evidence.facts if fact.topic == "ApprovalDecided"}
    for told in evidence.told:
        if told.verb in SIGNALS and told.accepted and told.detail not in signals:
            yield f"signal {told.detail} to {told.instance_id} was accepted and is in no ledger"
        if told.verb == "approve" and told.accepted and told.instance_id not in approved:
            yield f"the approval of {told.instance_id} was accepted and is in no ledger"


def a_stream_tells_a_history_from_its_beginning(evidence: Evidence) -> Iterator[str]:
    """The lines that a client read are the recorded facts, from the first on, each once and in order."""
    for told in evidence.told:
        if told.verb != "stream" or not told.accepted or told.instance_id is None:
            continue
        recorded = [(fact.version, fact.topic) for fact in evidence.runs.get(told.instance_id, ())]
        heard = [(seq, topic) for seq, topic in told.detail or ()]
        if heard != recorded[: len(heard)]:
            yield f"the stream of run {told.instance_id} told {heard}, recorded is {recorded}"
