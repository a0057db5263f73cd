"""The event store on Postgres: many callers' appends become one transaction, without anybody waiting for a timer."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from uuid import UUID

import asyncpg

from chassis import ledger_statements
from chassis.clock import monotonic
from chassis.group_commit import Call, Outcome, Pending, agree, next_batch
from chassis.ids import derived_id, plain_id
from chassis.ledger import Append, CommitListener, CommitListeners, Recorded
from chassis.postgres import LOST, end, is_lost
from chassis.tail import Tail

RECONNECT_SECONDS = 30.0
"""How long a lost connection is tried again before the callers hear of it."""
RECONNECT_DELAY_SECONDS = 0.1

COLUMNS = "notification_id, originator_id, originator_version, topic, state, event_id, metadata"
READ = f"""
SELECT {COLUMNS} FROM events WHERE originator_id = $1 AND originator_version > $2 ORDER BY originator_version LIMIT $3
"""  # noqa: S608 - made of constants
READ_OF = f"""
SELECT {COLUMNS} FROM events WHERE originator_id = $1 AND topic = ANY($2::text[]) ORDER BY originator_version
"""  # noqa: S608 - made of constants
READ_MANY = f"""
SELECT {COLUMNS}, place
FROM unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS wanted (stream_id, version, place),
     LATERAL (
         SELECT * FROM events WHERE originator_id = stream_id AND originator_version > version
         ORDER BY originator_version LIMIT $3
     ) AS news
ORDER BY place, originator_version
"""  # noqa: S608 - made of constants
READ_AFTER = f"SELECT {COLUMNS} FROM events WHERE notification_id > $1 ORDER BY notification_id LIMIT $2"  # noqa: S608
LAST_OF = """
SELECT notification_id FROM events WHERE topic = ANY($1::text[]) AND notification_id <= $2
ORDER BY notification_id DESC LIMIT 1
"""
HEAD = "SELECT coalesce(max(notification_id), 0) FROM events"

log = logging.getLogger(__name__)


class PostgresEventStore:
    """One writer per process and ledger; it keeps one connection of the pool to itself from the first append on.

    `lock_key` is the advisory lock of this ledger, the same in every process (`chassis.postgres.lock_key`).
    Close the store before its pool.
    """

    def __init__(self, pool: asyncpg.Pool, *, lock_key: int) -> None:
        self._pool = pool
        self._lock_key = lock_key
        self._queue: deque[Pending] = deque()
        self._wake = asyncio.Event()
        self._listeners = CommitListeners()
        self._tail = Tail()
        self._connection: asyncpg.Connection | None = None
        self._writer: asyncio.Task[None] | None = None
        self._closing = False

    async def append(self, *appends: Append) -> int:
        """Record all of it as one fact; see `EventStore`. Cancelling the caller disturbs no other one."""
        if not appends:
            raise ValueError("append needs at least one Append")
        if self._closing:
            raise RuntimeError("the event store is closed; nothing was recorded")
        pending = Pending(appends, asyncio.get_running_loop().create_future())
        self._queue.append(pending)
        self._wake.set()
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="event store writer")
        return await pending.future

    async def read(self, stream_id: UUID, after_version: int = 0, limit: int | None = None) -> list[Recorded]:
        """The stream's events in order, those after `after_version`."""
        return [_recorded(row, stream_id) for row in await self._pool.fetch(READ, stream_id, after_version, limit)]

    async def read_of(self, stream_id: UUID, topics: Iterable[str]) -> list[Recorded]:
        """The stream's events of these topics, in order."""
        return [_recorded(row) for row in await self._pool.fetch(READ_OF, stream_id, list(topics))]

    async def read_many(
        self, streams: Sequence[tuple[UUID, int]], limit: int | None = None
    ) -> dict[tuple[UUID, int], list[Recorded]]:
        """For each (stream, version) what `read` gives, at most `limit` of each, in one statement."""
        if len(streams) == 1:
            # Postgres keeps the plan of this one; the other is planned each time, which takes longer than to read.
            rows = await self._pool.fetch(READ, *streams[0], limit)
            return {streams[0]: [_recorded(row, streams[0][0]) for row in rows]}
        found: dict[tuple[UUID, int], list[Recorded]] = {wanted: [] for wanted in streams}
        rows = await self._pool.fetch(READ_MANY, *zip(*streams, strict=True), limit) if streams else ()
        for row in rows:
            wanted = streams[row["place"] - 1]
            found[wanted].append(_recorded(row, wanted[0]))
        return found

    async def read_after(self, position: int, limit: int) -> list[Recorded]:
        """The events after `position` in the order of the ledger, at most `limit`."""
        return [_recorded(row) for row in await self._pool.fetch(READ_AFTER, position, limit)]

    async def read_next(self, position: int, limit: int) -> list[Recorded]:
        """Some of the events after `position`; what this process recorded a moment ago comes from memory."""
        newest = self._tail.after(position, limit)
        return await self.read_after(position, limit) if newest is None else newest

    async def last_of(self, topics: Iterable[str], position: int) -> int:
        """The highest position up to `position` that holds an event of one of the topics; 0 when there is none."""
        return int(await self._pool.fetchval(LAST_OF, list(topics), position) or 0)

    async def head(self) -> int:
        """The highest position, 0 when the ledger is empty."""
        return int(await self._pool.fetchval(HEAD))

    def on_commit(self, listener: CommitListener) -> None:
        """Call `listener(head)` in the event loop after every commit of this store."""
        self._listeners.add(listener)

    async def close(self) -> None:
        """Record what was already handed over, give the connection back, refuse further appends."""
        self._closing = True
        self._wake.set()
        if self._writer is not None:
            await self._writer
        if self._connection is not None:
            await self._pool.release(self._connection)
            self._connection = None

    async def _write(self) -> None:
        # What arrives while a transaction commits is the next batch. The event is cleared before the queue is read,
        # so an append that comes in between wakes the loop once more instead of being forgotten.
        while self._queue or not self._closing:
            await self._wake.wait()
            self._wake.clear()
            while batch := next_batch(self._queue):
                await self._commit(batch)

    async def _commit(self, batch: list[Pending]) -> None:
        try:
            outcomes = await self._outcomes([pending.call for pending in batch])
        except asyncio.CancelledError:
            for pending in (*batch, *self._queue):
                pending.future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, every caller must hear of it
            for pending in batch:
                pending.settle(error)
            return
        for pending, outcome in zip(batch, outcomes, strict=True):
            pending.settle(outcome)
        if positions := [outcome for outcome in outcomes if isinstance(outcome, int)]:
            self._listeners.announce(max(positions))

    async def _outcomes(self, calls: Sequence[Call]) -> Sequence[Outcome]:
        if agree(calls):
            try:
                positions = await ledger_statements.record(await self._connected(), self._lock_key, calls)
                if positions is not None:
                    self._tail.add(calls, positions)
                    return ledger_statements.ends(calls, positions)
            except asyncpg.UniqueViolationError:
                pass
            except Exception as error:
                if not await self._lost(error):
                    raise
        return await self._settled(calls)

    async def _settled(self, calls: Sequence[Call]) -> Sequence[Outcome]:
        # The lock makes this wait until a backend that was cut off has committed or given up; should it still be
        # queueing for the lock, it will find its versions taken.
        deadline = monotonic() + RECONNECT_SECONDS
        while True:
            try:
                self._tail.forget()
                return await ledger_statements.settle(await self._connected(), self._lock_key, calls)
            except Exception as error:
                if not await self._lost(error) or monotonic() > deadline:
                    raise
                log.warning("the ledger's connection was lost, trying again: %s", error)
                await asyncio.sleep(RECONNECT_DELAY_SECONDS)

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None:
            connection = await self._pool.acquire(timeout=RECONNECT_SECONDS)
            try:
                await connection.execute(ledger_statements.PLAN_ONCE)
            except BaseException:
                await self._pool.release(connection)
                raise
            self._connection = connection
        return self._connection

    async def _lost(self, error: Exception) -> bool:
        connection = self._connection
        if not isinstance(error, LOST) and (connection is None or not is_lost(connection)):
            return False
        self._connection = None
        self._tail.forget()
        if connection is not None:
            await end(self._pool, connection)
        return True


def _recorded(row: asyncpg.Record, known_stream_id: UUID | None = None) -> Recorded:
    position, stream, version, topic, state, event, metadata, *_ = row
    stream_id = known_stream_id or plain_id(stream)
    # Rows that eventsourcing's own recorder wrote have no event id: theirs follows from their place.
    event_id = derived_id("event", str(stream_id), str(version)) if event is None else plain_id(event)
    return Recorded(position, stream_id, version, topic, state, event_id, metadata)
