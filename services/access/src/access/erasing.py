"""Finishes what a crash interrupted: a user that is recorded as erased and whose key is still there."""

import asyncio

from access.data_keys import DataKeys
from chassis.logs import get_logger
from chassis.read_model import Freshness

FRESH_SECONDS = 10.0
LOOK_SECONDS = 60.0
"""Between two looks: keys are shredded at once by whoever erases, so there is something to find only after a crash."""

log = get_logger(__name__)


async def finish_erasures(keys: DataKeys, freshness: Freshness) -> None:
    """Shred whatever key should be shredded already, at once and then every minute, for ever."""
    while True:
        try:
            await freshness.caught_up(FRESH_SECONDS)
            if finished := await keys.finish_erasures():
                log.warning("erasures.finished", users=finished)
        except Exception:
            log.exception("erasures.failed")
        await asyncio.sleep(LOOK_SECONDS)
