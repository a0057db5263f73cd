"""What must be true of the house once the storm is over."""

from collections.abc import Iterator, Mapping

from tests.chaos.evidence import Evidence

RECOVERY_SECONDS = 30.0
USUAL_SHARE = 0.5
"""Of the rate before the storm; a busy machine is never twice the same."""
RSS_FACTOR = 1.6
RSS_MARGIN_BYTES = 96 * 1024 * 1024
TASKS_MARGIN = 40
CONNECTIONS_MARGIN = 12
"""Pools grow with use, to a bound; a leak grows with every fault."""


def throughput_is_back_without_a_hand(evidence: Evidence) -> Iterator[str]:
    """Within half a minute after the last fault, runs are as quick as before, or nearly."""
    if not evidence.usual_rate:
        # Nobody took the time of a house with planted bugs.
        return
    wanted = evidence.usual_rate * USUAL_SHARE
    if not any(rate >= wanted for seconds, rate in evidence.recovery if seconds <= RECOVERY_SECONDS):
        best = max((rate for _, rate in evidence.recovery), default=0.0)
        yield f"{RECOVERY_SECONDS:g} s after the storm: at best {best:.1f} runs/s, before it {evidence.usual_rate:.1f}"


def every_worker_is_taken_for_alive(evidence: Evidence) -> Iterator[str]:
    """Who lost its lease in the storm has it again; whatever it drives would be taken away from it for ever."""
    if evidence.after.leases != evidence.before.leases:
        yield f"{evidence.before.leases} workers had a lease before the storm, {evidence.after.leases} have one after"


def no_process_grows(evidence: Evidence) -> Iterator[str]:
    """Memory and tasks are about what they were."""
    for name, before in evidence.before.rss_bytes.items():
        after = evidence.after.rss_bytes.get(name)
        if after is None:
            yield f"{name} does not run any more"
        elif after > before * RSS_FACTOR + RSS_MARGIN_BYTES:
            yield f"{name} grew from {before >> 20} to {after >> 20} MiB"
    yield from _grown("tasks of", evidence.before.tasks, evidence.after.tasks, TASKS_MARGIN)


def no_connection_is_left_behind(evidence: Evidence) -> Iterator[str]:
    """Connections to both servers are about as many as before."""
    before, after = evidence.before.connections, evidence.after.connections
    yield from _grown("connections to", before, after, CONNECTIONS_MARGIN)


def no_consumer_is_left_behind(evidence: Evidence) -> Iterator[str]:
    """The streams have the consumers that they had."""
    for name in sorted(evidence.after.consumers ^ evidence.before.consumers):
        yield f"consumer {name} is there only {'after' if name in evidence.after.consumers else 'before'} the storm"


def _grown(what: str, before: Mapping[str, int], after: Mapping[str, int], margin: int) -> Iterator[str]:
    for name, usual in before.items():
        if after.get(name, 0) > usual + margin:
            yield f"{what} {name}: {usual} before, {after[name]} after"
