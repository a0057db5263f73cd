"""A service in miniature: parcels are recorded, relayed and projected, without the process around it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
from nats.js.errors import NotFoundError

from chassis.bus import Bus
from chassis.cancelling import cancel
from chassis.codec import Codec, encode_metadata
from chassis.commits import Commits
from chassis.event_store import PostgresEventStore
from chassis.ids import new_id
from chassis.ledger import Append, NewEvent
from chassis.postgres import lock_key, open_pool
from chassis.projection import Fact
from chassis.relay import Outbox, Relay, WorkFor
from tests.chassis.parcels import ParcelDelivered, ParcelMoved
from tests.support.lent_databases import Tables

SERVICE = "post"
MIGRATIONS = ("chassis.ledger_migrations", "chassis.delivery_migrations")
TABLES = """
CREATE TABLE parcels (
    id    uuid PRIMARY KEY,
    moves integer NOT NULL CHECK (moves >= 0),
    done  boolean NOT NULL DEFAULT false
);
CREATE TABLE stops (
    parcel uuid    NOT NULL REFERENCES parcels (id),
    number integer NOT NULL,
    place  text    NOT NULL,
    PRIMARY KEY (parcel, number)
);
CREATE INDEX stops_by_place ON stops (left(place, 20), parcel);
CREATE TABLE notes (parcel uuid NOT NULL REFERENCES parcels (id), note text NOT NULL);
"""
"""`notes` belongs to somebody else and refers to a table of the projection."""
POISON = "nowhere"


class Stops:
    """Where each parcel was. Moves to `nowhere` raise as long as `poisoned` is set."""

    name = "stops"
    reads = (ParcelMoved, ParcelDelivered)
    tables = ("parcels", "stops")

    def __init__(self, source: str = SERVICE) -> None:
        self.source = source
        self.poisoned = True
        self.batches: list[int] = []

    async def apply(self, facts: Sequence[Fact], rows: asyncpg.Connection) -> None:
        self.batches.append(len(facts))
        for fact in facts:
            event = fact.event
            if isinstance(event, ParcelDelivered):
                await rows.execute("UPDATE parcels SET done = true WHERE id = $1", event.originator_id)
            if isinstance(event, ParcelMoved):
                if event.place == POISON and self.poisoned:
                    raise ValueError("nobody lives there")
                await rows.execute(
                    "INSERT INTO parcels VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET moves = parcels.moves + 1",
                    event.originator_id,
                )
                await rows.execute(
                    "INSERT INTO stops VALUES ($1, $2, $3)", event.originator_id, event.originator_version, event.place
                )


@dataclass
class PostOffice:
    """The pool, the ledger and what was begun on them."""

    bus: Bus
    pool: asyncpg.Pool
    store: PostgresEventStore
    commits: Commits
    codec: Codec = field(default_factory=lambda: Codec(ParcelMoved, ParcelDelivered))
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    async def record(self, *places: str, parcel: UUID | None = None, first_version: int = 1) -> int:
        """Record one move of a parcel to each place, all in one append; answers the last position."""
        parcel = parcel or new_id()
        events = tuple(move(parcel, first_version + step, place) for step, place in enumerate(places))
        return await self.store.append(Append(parcel, events))

    async def record_many(self, count: int) -> list[int]:
        """Record so many moves, each of another parcel, from many tasks at once."""
        return list(await asyncio.gather(*(self.record(f"place {number}") for number in range(count))))

    async def record_bytes(self, topic: str, state: bytes) -> int:
        """Record something that need not be readable."""
        return await self.store.append(Append(new_id(), (NewEvent(new_id(), 1, topic, state),)))

    async def deliver(self, parcel: UUID, version: int) -> int:
        """Record that the parcel reached its receiver."""
        event = ParcelDelivered(originator_id=parcel, originator_version=version, timestamp=datetime.now(UTC))
        return await self.store.append(Append(parcel, (self.codec.encode(event),)))

    def relay(self, work_for: WorkFor | None = None, pool: asyncpg.Pool | None = None) -> Relay:
        """A relay that runs until the test ends or `stop` is called on it."""
        relay = Relay(self.bus, Outbox(SERVICE, self.store, self.commits, work_for), pool or self.pool)
        self.run(relay.run())
        return relay

    def run(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something until the test ends, or until its task is given to `stop`."""
        task = asyncio.create_task(work)
        self.tasks.append(task)
        return task

    async def stop(self, *tasks: asyncio.Task[Any]) -> None:
        """Cancel what was run: these, or all of it."""
        await cancel(*(tasks or self.tasks))

    async def published(self) -> list[tuple[int, int]]:
        """The (previous, position) of every message on the stream that has one, in its order."""
        found: list[tuple[int, int]] = []
        try:
            info = await self.bus.js.stream_info(self.bus.stream(SERVICE))
        except NotFoundError:
            return found
        if not info.state.messages:
            return found
        for sequence in range(info.state.first_seq, info.state.last_seq + 1):
            headers = (await self.bus.js.get_msg(self.bus.stream(SERVICE), sequence)).headers or {}
            if "Headrace-Position" in headers:
                found.append((int(headers["Headrace-Previous"]), int(headers["Headrace-Position"])))
        return found

    async def holds(self, place: tuple[int, int]) -> bool:
        """Whether a message with this (previous, position) is on the stream."""
        return place in await self.published()


def move(parcel: UUID, version: int, place: str) -> NewEvent:
    """A move as it is recorded, with the trace it happened in."""
    event = ParcelMoved(originator_id=parcel, originator_version=version, timestamp=datetime.now(UTC), place=place)
    trace = f"00-{'ab' * 16}-{'cd' * 8}-01"
    return NewEvent(new_id(), version, event.topic(), event.state(), encode_metadata(traceparent=trace))


def tables(schema: str = SERVICE) -> Tables:
    """What a post office keeps."""
    return Tables(schema, MIGRATIONS, TABLES)


@asynccontextmanager
async def open_office(dsn: str, bus: Bus, schema: str = SERVICE) -> AsyncIterator[PostOffice]:
    """A post office in a schema of its own, whose tables are there; everything begun in it ends with it."""
    async with await open_pool(dsn, schema, min_size=1, max_size=12) as pool:
        store = PostgresEventStore(pool, lock_key=lock_key(schema))
        async with Commits(bus, SERVICE) as commits:
            store.on_commit(commits.committed)
            office = PostOffice(bus, pool, store, commits)
            yield office
            await office.stop()
        await store.close()


def chain(positions: list[int]) -> list[tuple[int, int]]:
    """What the stream must hold: each position with the one before it."""
    return list(zip([0, *positions], positions, strict=False))


async def remembered(office: PostOffice, position: int) -> bool:
    """Whether the relay's table has come this far."""
    return bool(await office.pool.fetchval("SELECT position FROM relay") == position)
