"""Mailboxes in the ledger: read to their end, the long ones from where they were read last."""

from collections import OrderedDict
from uuid import UUID

from contracts.instance_events import SignalPosted
from execution.driving.records import Records
from execution.steering.mailbox import Address, Mailbox

REMEMBERED_MAILBOXES = 1_000
"""Kept in memory, without payloads; the ledger is asked each time what came after."""


class Mailboxes:
    """Reads the streams of keys."""

    def __init__(self, records: Records) -> None:
        """`records` reads the service's ledger."""
        self.records = records
        self.remembered: OrderedDict[UUID, Mailbox] = OrderedDict()

    async def open(self, address: Address) -> Mailbox:
        """The mailbox as it is now, for the caller alone; an unknown one is empty."""
        stream_id = address.stream_id
        known = self.remembered.get(stream_id) or Mailbox(address)
        for event in await self.records.history(stream_id, known.version):
            known.apply(event)
        self.remembered[stream_id] = known
        self.remembered.move_to_end(stream_id)
        if len(self.remembered) > REMEMBERED_MAILBOXES:
            self.remembered.popitem(last=False)
        return known.copy()

    async def posted(self, mailbox: Mailbox, signal_id: UUID) -> SignalPosted:
        """A signal that is kept, with its payload."""
        version = mailbox.posted[signal_id]
        [event] = await self.records.history(mailbox.address.stream_id, version - 1, limit=1)
        return SignalPosted.model_validate(event)
