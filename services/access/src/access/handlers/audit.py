"""The audit log: a batch of what a gateway saw."""

from collections.abc import Mapping

from access.collaborators import Collaborators
from chassis.answering import Answerer
from contracts.audit import RecordAudit
from contracts.message import Request


async def record(command: RecordAudit, at: Collaborators) -> None:
    """Chain the batch; heard twice, it is recorded once."""
    await at.audit.record(command.batch_id, command.entries)


COMMANDS: Mapping[type[Request], Answerer] = {RecordAudit: record}
