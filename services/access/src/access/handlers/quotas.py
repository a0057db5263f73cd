"""Quotas: set."""

from collections.abc import Mapping

from access.collaborators import Collaborators
from access.domain.quotas import Quota, check_room, quota_ref
from access.domain.rights import check_deployment_admin
from access.recording import metadata
from chassis.answering import Answerer
from contracts.message import Request
from contracts.quotas import QuotaView, SetQuota

HELD = "SELECT count(*) FROM quotas WHERE (kind, owner) <> ($1, $2)"


async def set_quota(command: SetQuota, at: Collaborators) -> QuotaView:
    """Replace the limits of a user or a team."""
    check_deployment_admin(command.caller)
    check_room(int((await at.rows.fetch(HELD, command.kind, command.owner))[0][0]))

    def decide(quota: Quota | None) -> Quota:
        if quota is None:
            return Quota.begin(command)
        quota.set(command.limits, command.caller)
        return quota

    ref = quota_ref(command.kind, command.owner)
    return (await at.quotas.settle(ref, decide, metadata(ref))).view()


COMMANDS: Mapping[type[Request], Answerer] = {SetQuota: set_quota}
