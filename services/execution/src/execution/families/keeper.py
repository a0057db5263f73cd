"""Mends families after a crash: ends that a parent has not heard of, children that outlive a parent they belong to."""

import asyncio
from uuid import UUID

import asyncpg

from chassis.clock import monotonic
from chassis.logs import get_logger
from execution.driving.records import Records
from execution.families.telling import left_behind, untold
from execution.middleware.contract import Tell
from execution.middleware.family import give_up, is_on_its_own, is_terminated, tell_parent

LOOK_SECONDS = 2.0
RECENT_SECONDS = 120.0
"""Ends that a look goes through; the first look, and one now and then, goes further back."""
LOOKS_BETWEEN_LONG_ONES = 300
LONG_AGO_SECONDS = 30 * 24 * 3600.0
BATCH = 50
"""Instances mended in one look, so that the ledger is never read by the thousand."""
AGAIN_SECONDS = 60.0
"""A child that was looked at is left alone for so long."""

log = get_logger(__name__)


class FamilyKeeper:
    """Runs in every worker; two that mend the same family do no harm, for the ledger refuses the second fact."""

    def __init__(self, pool: asyncpg.Pool, records: Records, tell: Tell) -> None:
        """`tell` records outside facts."""
        self.pool = pool
        self.records = records
        self.tell = tell
        self.looks = 0
        self.looked_at: dict[UUID, float] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look tries again
                log.warning("families.not_looked_after", error=repr(error))

    async def look(self) -> None:
        """Tell parents what they have not heard, and children that they are not wanted any more."""
        is_long = self.looks % LOOKS_BETWEEN_LONG_ONES == 0
        self.looks += 1
        now = monotonic()
        self.looked_at = {key: at for key, at in self.looked_at.items() if now - at < AGAIN_SECONDS}
        for kin in await untold(self.pool, LONG_AGO_SECONDS if is_long else RECENT_SECONDS, BATCH):
            await tell_parent(await self.records.load(kin.child_id), self.tell)
        for kin in await left_behind(self.pool, BATCH, tuple(self.looked_at)):
            self.looked_at[kin.child_id] = now
            at_once = is_terminated(await self.records.load(kin.parent_id))
            if not is_on_its_own(await give_up(kin.child_id, self.tell, at_once=at_once)):
                log.info("families.given_up", instance_id=str(kin.child_id), parent_id=str(kin.parent_id))
