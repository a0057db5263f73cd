"""Which facts of a run leave the ledger when the run is archived: those that no read model reads."""

from contracts import instance_events as facts
from contracts.instance_events import InstanceEvent

ARCHIVED: frozenset[type[InstanceEvent]] = frozenset(
    {
        facts.InstanceAdmitted,
        facts.InstanceThrottled,
        facts.CacheMissed,
        facts.CacheHit,
        facts.CacheAwaited,
        facts.NodeStarted,
        facts.TimerScheduled,
        facts.NodeThrottled,
        facts.WaitStarted,
        facts.WaitEnded,
        facts.VariableChanged,
        facts.NodeCompleted,
        facts.NodeFailed,
        facts.NodeRetryScheduled,
        facts.ErrorCaught,
        facts.NodeCancelled,
        facts.BranchesWithdrawn,
        facts.BodyStarted,
        facts.BodyCompleted,
        facts.BodyFailed,
        facts.BodyCancelled,
        facts.ChildStarted,
        facts.CompensationBegun,
        facts.SectionRequested,
        facts.SectionLeft,
        facts.InstanceRetryScheduled,
        facts.CompensationStarted,
    }
)
"""What happens within a run. Its frame stays: that it was asked for, what reached it, how it ended.

A kind of fact that is not named here stays too, so nothing new is archived before somebody has thought of it.
"""


def archived_topics() -> frozenset[str]:
    """Their names."""
    return frozenset(event_type.topic() for event_type in ARCHIVED)


def resting_topics() -> frozenset[str]:
    """The names of the facts after which nothing more is to come of a run: its end, or that it was erased after it."""
    resting: tuple[type[InstanceEvent], ...] = (*facts.ENDINGS, facts.InstanceErased)
    return frozenset(event_type.topic() for event_type in resting)
