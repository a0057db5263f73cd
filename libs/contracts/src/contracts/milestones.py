"""The facts by which a service's stories end or begin anew: whoever follows only these is sent only these."""

from collections.abc import Mapping

from contracts.access_events import ACCESS_EVENTS
from contracts.audit import CommandsAudited
from contracts.instance_events import ENDINGS, InstanceRetried
from contracts.message import Event

MILESTONES: Mapping[str, frozenset[type[Event]]] = {
    "execution": frozenset({*ENDINGS, InstanceRetried}),
    "access": frozenset(ACCESS_EVENTS) - {CommandsAudited},
}
"""By service. A run has dozens of facts and one or two milestones; most of what access says is the audit."""


def milestone_topics(service: str) -> frozenset[str]:
    """The names of a service's milestones; none for most services."""
    return frozenset(event_type.topic() for event_type in MILESTONES.get(service, ()))
