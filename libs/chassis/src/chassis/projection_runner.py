"""Keeps one projection up to date: one process writes, the others stand by and can still be asked."""

import asyncio
from contextlib import suppress

import asyncpg

from chassis import checkpoints, telemetry
from chassis.checkpoints import CheckpointMoved
from chassis.clock import monotonic
from chassis.codec import Codec
from chassis.folding import Folder
from chassis.leadership import Lead, Leadership
from chassis.logs import get_logger
from chassis.pace import WORTHWHILE
from chassis.progress import Progress
from chassis.projection import Projection
from chassis.projection_source import Source
from contracts.versions import FromTheFuture

RETRY_SECONDS = 0.5
"""After the connection, the source or the database failed."""
TOO_OLD_SECONDS = 5.0
"""After a fact that newer code has recorded: time for a process that runs the newer code to take the lead."""
STANDBY_POLL_SECONDS = 0.02
"""How often a waiter looks at the checkpoint table while another process writes."""
HURRY_SECONDS = 0.5
"""After so long a waiter has the owner asked for what may be lost: a stream deleted by hand is missed only later."""
PACE_SECONDS = 0.1
"""From one batch to the next while facts flow and nobody here waits for them: fewer, larger transactions."""
WAIT_SECONDS = 2.0
"""How long a reader waits for its own write by default."""

log = get_logger(__name__)


class ProjectionRunner:
    """Runs a projection wherever the advisory lock falls; answers in every process how far the rows are."""

    def __init__(self, projection: Projection, source: Source, codec: Codec, pool: asyncpg.Pool) -> None:
        """Writing takes one connection of `pool` for as long as this process leads."""
        self.projection = projection
        self.source = source
        self._folder = Folder(projection, codec)
        self._pool = pool
        self._leadership = Leadership(pool, "projection", projection.name)
        self._progress = Progress()
        self._waiting = 0
        self._waited_for = asyncio.Event()
        self.leading = False
        """Whether this process writes the rows."""
        self.stopped: str | None = None
        """Why this process cannot go on: it is too old for the next fact."""

    @property
    def position(self) -> int:
        """The last position this process has committed or seen committed."""
        return self._progress.position

    async def run(self) -> None:
        """Fold facts whenever this process leads, until cancelled."""
        while True:
            try:
                async with self._leadership.held() as lead:
                    log.info("projection.leading", projection=self.projection.name)
                    self.leading = True
                    await self._follow(lead)
            except FromTheFuture as error:
                self.leading, self.stopped = False, str(error)
                advice = "run the version that recorded it; nothing is lost or put aside meanwhile"
                log.critical("projection.too_old", projection=self.projection.name, reason=str(error), advice=advice)
                await asyncio.sleep(TOO_OLD_SECONDS)
            except Exception as error:  # noqa: BLE001 - whatever it is, the projection goes on from its checkpoint
                log.warning("projection.interrupted", projection=self.projection.name, error=repr(error))
            finally:
                self.leading = False
            await asyncio.sleep(RETRY_SECONDS)

    async def wait_for(self, position: int, timeout: float = WAIT_SECONDS) -> bool:
        """Whether the rows reach `position` within `timeout` seconds, whichever process writes them."""
        self._waiting += 1
        self._waited_for.set()
        try:
            return await self._wait_for(position, timeout)
        finally:
            self._waiting -= 1

    async def _wait_for(self, position: int, timeout: float) -> bool:
        began = monotonic()
        hurried = False
        while self.position < position:
            waited = monotonic() - began
            if waited >= timeout:
                return False
            if waited >= HURRY_SECONDS and not hurried:
                hurried = True
                await self.source.hurry()
            await self._look_again(position, timeout - waited)
        return True

    async def caught_up(self, timeout: float = WAIT_SECONDS) -> bool:
        """Whether the rows show, within `timeout` seconds, everything its source held when this was called."""
        return await self.wait_for(await self.source.head(), timeout)

    async def _look_again(self, position: int, left: float) -> None:
        if self.leading:
            # At most a little, because the lead may be lost while nothing moves.
            await self._progress.beyond(position - 1, min(left, RETRY_SECONDS, HURRY_SECONDS))
            return
        found = await checkpoints.read(self._pool, self.projection.name)
        if not self.leading:
            # Who began to lead meanwhile knows better: what was read before must not take back what it has committed.
            self._reached(found)
        if self.position < position:
            await asyncio.sleep(min(STANDBY_POLL_SECONDS, left))

    async def _follow(self, lead: Lead) -> None:
        name, connection = self.projection.name, lead.connection
        async with self.source as source:
            position = await checkpoints.begin(connection, name, self.projection.source)
            self._reached(position)
            while True:
                batch = await source.next(position)
                if not batch:
                    await lead.confirm()
                    continue
                began = monotonic()
                try:
                    position = await self._folder.fold(connection, batch, position)
                except CheckpointMoved:
                    position = await checkpoints.read(connection, name)
                self._reached(position)
                await source.folded()
                if len(batch) < WORTHWHILE:
                    await self._let_gather(began + PACE_SECONDS)

    async def _let_gather(self, until: float) -> None:
        """Give facts time to come together, as long as nobody waits for them."""
        while not self._waiting and (left := until - monotonic()) > 0:
            self._waited_for.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._waited_for.wait(), left)

    def _reached(self, position: int) -> None:
        if position > self.position:
            self.stopped = None
        self._progress.move(position)
        telemetry.PROJECTION_POSITION.labels(self.projection.name).set(position)
