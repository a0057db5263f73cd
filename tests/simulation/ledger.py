"""The ledger that all processes of a simulated deployment share, and the line that one of them has to it."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from chassis.ledger import Append, CommitListener, Recorded
from chassis.memory import MemoryEventStore
from tests.simulation.fate import Died

if TYPE_CHECKING:
    from tests.simulation.process import Process
    from tests.simulation.world import World


class Line:
    """An event store as one process sees it: every question takes its time, and a dead process hears no answer."""

    def __init__(self, world: "World", process: "Process", store: MemoryEventStore) -> None:
        self.world = world
        self.process = process
        self.store = store

    async def append(self, *appends: Append) -> int:
        """Record, unless the process dies before; it may also die before it hears that it was recorded."""
        await self.way()
        struck = self.world.struck(self.process)
        if struck == "before":
            self.world.kill(self.process)
            raise Died
        position = await self.store.append(*appends)
        self.world.recorded(self.process, appends)
        if struck == "after":
            self.world.kill(self.process)
        if struck == "freeze":
            self.world.freeze(self.process)
        await self.way()
        return position

    async def read(self, stream_id: UUID, after_version: int = 0, limit: int | None = None) -> list[Recorded]:
        """As the store."""
        await self.way()
        return await self.store.read(stream_id, after_version, limit)

    async def read_many(
        self, streams: Sequence[tuple[UUID, int]], limit: int | None = None
    ) -> dict[tuple[UUID, int], list[Recorded]]:
        """As the store."""
        await self.way()
        return await self.store.read_many(streams, limit)

    async def read_after(self, position: int, limit: int) -> list[Recorded]:
        """As the store."""
        return await self.store.read_after(position, limit)

    async def read_next(self, position: int, limit: int) -> list[Recorded]:
        """As the store."""
        return await self.store.read_next(position, limit)

    async def read_of(self, stream_id: UUID, topics: Iterable[str]) -> list[Recorded]:
        """As the store."""
        return await self.store.read_of(stream_id, topics)

    async def last_of(self, topics: Iterable[str], position: int) -> int:
        """As the store."""
        return await self.store.last_of(topics, position)

    async def head(self) -> int:
        """As the store."""
        return await self.store.head()

    def on_commit(self, listener: CommitListener) -> None:
        """As the store."""
        self.store.on_commit(listener)

    async def close(self) -> None:
        """It stays open: the others use it too."""

    async def way(self) -> None:
        """From here to the ledger, or back; the dead arrive nowhere, the frozen go on later."""
        await asyncio.sleep(self.world.fate.way())
        await self.process.breath()
