"""Instances that went to rest here a moment ago, kept so that going on costs what is new, not their whole history."""

from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from execution.domain.instance import Instance
from execution.driving.records import Records

KEPT_MAX = 64
"""Few, because resting instances should cost no memory; enough for those that rest only for moments."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An instance with its graph as it was recorded last, and the trace of the request that began it."""

    instance: Instance
    traceparent: str | None


class Rested:
    """The ones that rested last. Whoever takes one out owns it, and puts it back only as it is recorded."""

    def __init__(self, records: Records) -> None:
        """`records` has what happened to them since."""
        self.records = records
        self.kept: OrderedDict[UUID, Kept] = OrderedDict()

    def keep(self, instance: Instance, traceparent: str | None) -> None:
        """Keep one that rests; another is forgotten for it."""
        if instance.status in ("waiting", "paused"):
            self.kept[instance.id] = Kept(instance, traceparent)
            if len(self.kept) > KEPT_MAX:
                self.kept.popitem(last=False)

    def has_seen(self, instance_id: UUID, version: int) -> bool:
        """Whether it went to rest here after the fact of this version: then the fact calls for nothing any more."""
        kept = self.kept.get(instance_id)
        return kept is not None and 0 < version <= kept.instance.version

    async def take(self, instance_id: UUID) -> Kept | None:
        """One of them as it is recorded now; None when it is not kept."""
        kept = self.kept.pop(instance_id, None)
        if kept is not None:
            for event in await self.records.history(instance_id, kept.instance.version):
                kept.instance.apply(event)
        return kept
