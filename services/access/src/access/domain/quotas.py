"""A quota: set, set again, lifted; by the deployment's admins alone."""

from typing import Any, Self
from uuid import UUID

from access.domain.rights import check_deployment_admin
from chassis.aggregate import Aggregate
from chassis.ids import derived_id
from contracts import quotas as contracts
from contracts.access import SubjectKind
from contracts.message import Caller
from contracts.quotas import QuotaLimits, QuotaView, SetQuota
from contracts.refusal import Conflict

MAX_QUOTAS = 10_000
"""Fit into one answer, and into the memory of whoever keeps to them."""


def quota_ref(kind: SubjectKind, owner: str) -> UUID:
    """The stream of a user's or a team's quota."""
    return derived_id("quota", kind, owner)


class Quota(Aggregate):
    """What a user or a team may use from now on."""

    class QuotaSet(contracts.QuotaSet, Aggregate.Repeated):
        """Begins the stream, or replaces the limits."""

        def apply(self, aggregate: Any) -> None:
            """The new limits, all of them."""
            aggregate.kind = self.kind
            aggregate.owner = self.owner
            aggregate.limits = self.limits

    def __init__(self) -> None:
        self.kind: SubjectKind = "user"
        self.owner = ""
        self.limits = QuotaLimits()

    @classmethod
    def begin(cls, command: SetQuota) -> Self:
        """The first limits."""
        check_deployment_admin(command.caller)
        ref = quota_ref(command.kind, command.owner)
        return cls._create(cls.QuotaSet, id=ref, **_told(command.kind, command.owner, command.limits, command.caller))

    def set(self, limits: QuotaLimits, caller: Caller) -> None:
        """Other limits; the same ones change nothing."""
        check_deployment_admin(caller)
        if limits != self.limits:
            self.trigger_event(self.QuotaSet, **_told(self.kind, self.owner, limits, caller))

    def view(self) -> QuotaView:
        """The limits as they are."""
        limits = self.limits.model_dump()
        return QuotaView(kind=self.kind, owner=self.owner, **limits, updated_at=self.modified_on)


def check_room(held: int) -> None:
    """Refuse (409) a further quota where there are very many."""
    if held >= MAX_QUOTAS:
        raise Conflict("too_many_quotas", f"There are {MAX_QUOTAS} quotas already, which is the most: lift one first.")


def _told(kind: SubjectKind, owner: str, limits: QuotaLimits, caller: Caller) -> dict[str, Any]:
    return {"kind": kind, "owner": owner, "limits": limits, "by": caller.user_id}
