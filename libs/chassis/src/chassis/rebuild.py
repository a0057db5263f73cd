"""A read model made anew from its facts while the old one is still read, then put in its place in one transaction.

The twins of the tables stand in a schema of their own (`<service>_shadow`) under the same names, and not beside the
real ones as `<table>_next`: the projection's own statements name tables without a schema, so the search path alone
decides which tables they fill, and no statement exists twice.
"""

import asyncio

import asyncpg

from chassis import checkpoints
from chassis.cancelling import cancel
from chassis.codec import Codec
from chassis.folding import Folder
from chassis.leadership import Leadership
from chassis.logs import get_logger
from chassis.postgres import is_lost
from chassis.projection import Projection
from chassis.projection_source import Source
from chassis.replay import Page
from chassis.shadow import Shadow

EVENTS_AT_ONCE = 5_000
"""Facts that are folded in one transaction: a row that many of them change is written once."""
BYTES_AT_ONCE = 8 * 1024 * 1024
"""Fewer of them, when their payloads come to this."""
SWAP_TRIES = 10
LOCK_TIMEOUT = "2s"
"""How long the swap waits for the readers of the old tables, and new readers for the swap, before it tries again."""
PAGE_SECONDS = 60.0
"""Reading some pages takes less: who writes none for so long stands still."""
SWAP_DELAY_SECONDS = 0.5

LOCK_CHECKPOINT = "SELECT position FROM {real}.checkpoints WHERE projection = $1 FOR UPDATE"
TAKE_CHECKPOINT = "UPDATE {real}.checkpoints SET position = $2, updated_at = now() WHERE projection = $1"
FORGET_LETTERS = "DELETE FROM {real}.dead_letters WHERE projection = $1 AND position > 0 AND discarded_at IS NULL"
TAKE_LETTERS = """
INSERT INTO {real}.dead_letters SELECT * FROM {twin}.dead_letters WHERE projection = $1 ON CONFLICT (id) DO NOTHING
"""
"""What no relay published is not in the ledger, and stays; what somebody discarded stays discarded."""

log = get_logger(__name__)


async def rebuild(projection: Projection, source: Source, codec: Codec, pool: asyncpg.Pool) -> int:
    """Fold the whole ledger again and swap the tables; answers the position that the new rows show.

    Readers see the old rows until the swap. A runner of the same projection may go on meanwhile: it finds the
    checkpoint moved and continues from there. The tables must not own sequences (`serial`).
    """
    leadership = Leadership(pool, "rebuild", projection.name, silent_seconds=PAGE_SECONDS)
    async with leadership.held() as lead:
        return await Rebuild(projection, source, codec, lead.connection).run()


class Rebuild:
    """One rebuild on one connection."""

    def __init__(self, projection: Projection, source: Source, codec: Codec, connection: asyncpg.Connection) -> None:
        """The connection sees the schema of the real tables."""
        self._projection = projection
        self._source = source
        self._folder = Folder(projection, codec)
        self._connection = connection
        self._position = 0

    async def run(self) -> int:
        """Fill the twins, swap, clean up."""
        schema = str(await self._connection.fetchval("SELECT current_schema()"))
        await checkpoints.begin(self._connection, self._projection.name, self._projection.source)
        shadow = Shadow(self._connection, schema, self._projection.tables)
        try:
            await shadow.create()
            await checkpoints.begin(self._connection, self._projection.name, self._projection.source)
            await self._fold_until(None)
            await shadow.analyze()
            await self._swap(shadow, schema)
        finally:
            if not is_lost(self._connection):
                await shadow.close()
        log.info("projection.rebuilt", projection=self._projection.name, position=self._position)
        return self._position

    async def _fold_until(self, position: int | None) -> None:
        """Fold pages up to a position, or to the ledger's end; the next ones are read meanwhile."""
        if position is not None and self._position >= position:
            return
        more = True
        ahead = asyncio.create_task(self._read(self._position))
        try:
            while more:
                pages = await ahead
                reached = pages.events[-1].position if pages.events else self._position
                more = pages.more or (position is not None and reached < position)
                if more:
                    ahead = asyncio.create_task(self._read(reached))
                if pages.events:
                    self._position = await self._folder.fold(self._connection, pages.events, self._position)
        finally:
            await cancel(ahead)

    async def _read(self, after: int) -> Page:
        """Several pages as one."""
        pages, size = Page(more=True), 0
        while pages.more and len(pages.events) < EVENTS_AT_ONCE and size < BYTES_AT_ONCE:
            page = await self._source.page(pages.events[-1].position if pages.events else after)
            pages.events.extend(page.events)
            pages.more = page.more
            size += sum(len(recorded.state) for recorded in page.events)
            if not page.events:
                break
        return pages

    async def _swap(self, shadow: Shadow, schema: str) -> None:
        for attempt in range(SWAP_TRIES):
            began = self._position
            try:
                async with self._connection.transaction():
                    await self._connection.execute(f"SET LOCAL lock_timeout TO '{LOCK_TIMEOUT}'")
                    await self._replace(shadow, schema)
                return
            except asyncpg.LockNotAvailableError:
                self._position = began
                if attempt == SWAP_TRIES - 1:
                    raise
                log.info("projection.swap_waits", projection=self._projection.name)
                await asyncio.sleep(SWAP_DELAY_SECONDS)

    async def _replace(self, shadow: Shadow, schema: str) -> None:
        """With the checkpoint locked nobody folds into the old tables: catch up with them, take their place."""
        name, names = self._projection.name, {"real": f'"{schema}"', "twin": f'"{schema}_shadow"'}
        reached = await self._connection.fetchval(LOCK_CHECKPOINT.format(**names), name)
        await self._fold_until(int(reached))
        await shadow.take_over()
        await self._connection.execute(TAKE_CHECKPOINT.format(**names), name, self._position)
        await self._connection.execute(FORGET_LETTERS.format(**names), name)
        await self._connection.execute(TAKE_LETTERS.format(**names), name)
