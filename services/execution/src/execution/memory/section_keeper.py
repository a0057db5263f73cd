"""Mends critical sections after a crash: entrances that were not told, places that nobody holds any more."""

import asyncio

from chassis.logs import get_logger
from execution.driving.records import Records
from execution.memory.sections import PostgresSections
from execution.middleware.contract import Surroundings, Ticket
from execution.middleware.critical_section import SOON, let_in, needed_by

LOOK_SECONDS = 2.0
UNTOLD_SECONDS = 2.0
"""An entrance that has not been told after so long will not be told by whoever granted it."""
LOOKS_BETWEEN_INSPECTIONS = 8
INSPECTED_EVERY_SECONDS = 120.0
BATCH = 50
"""Tickets looked at in one go, so that the ledger is never read by the thousand."""

log = get_logger(__name__)


class SectionKeeper:
    """Runs in every worker; two that mend the same ticket do no harm, for the ledger refuses the second entrance."""

    def __init__(self, sections: PostgresSections, records: Records, around: Surroundings) -> None:
        """`around` tells instances that they are inside."""
        self.sections = sections
        self.records = records
        self.around = around

    async def run(self) -> None:
        """Look until cancelled."""
        looks = 0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.tell_the_untold()
                if looks % LOOKS_BETWEEN_INSPECTIONS == 0:
                    await self.inspect()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look tries again
                log.warning("sections.not_looked_after", error=repr(error))
            looks += 1

    async def tell_the_untold(self, seconds: float = UNTOLD_SECONDS) -> None:
        """Record the entrance of whoever was let in by a worker that died before it could do so."""
        await let_in(await self.sections.untold(seconds, BATCH), self.around)

    async def inspect(self, seconds: float = INSPECTED_EVERY_SECONDS) -> None:
        """Give back what belongs to instances that have ended, or neither queue for it nor hold it."""
        for ticket in await self.sections.to_look_at(seconds, BATCH):
            if ticket.age > SOON and await self.is_stale(ticket):
                log.info("sections.given_back", section=ticket.section_key, instance_id=str(ticket.instance_id))
                await let_in(await self.sections.leave(ticket.id), self.around)

    async def is_stale(self, ticket: Ticket) -> bool:
        """Whether the ledger says that the ticket is of no use any more."""
        instance = await self.records.load(ticket.instance_id)
        return instance.version == 0 or instance.ended or ticket.id not in needed_by(instance)
