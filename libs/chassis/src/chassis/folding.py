"""One batch of facts becomes rows: all at once, else one by one, and what cannot be folded is put aside."""

import asyncio
from collections.abc import Sequence

import asyncpg

from chassis import checkpoints, dead_letters, telemetry
from chassis.checkpoints import CheckpointMoved
from chassis.codec import Codec
from chassis.ledger import Recorded
from chassis.logs import get_logger
from chassis.postgres import is_lost
from chassis.projection import Fact, Projection
from contracts.versions import FromTheFuture, Unreadable

TRIES = 5
"""How often a fact that raises is tried before it is put aside."""
FIRST_DELAY_SECONDS = 0.05
"""Before the second try; doubles with each further one."""

NOT_THE_FACT = (
    CheckpointMoved, FromTheFuture, asyncpg.InsufficientResourcesError, asyncpg.ReadOnlySQLTransactionError,
)  # fmt: skip
"""What no fact can be blamed for: the batch is tried again as a whole, for as long as it takes."""

log = get_logger(__name__)
Failures = list[tuple[Recorded, str]]
Future = tuple[int, FromTheFuture]
"""Where in a batch the first fact stands that this code is too old for."""


class Folder:
    """Applies a projection with its checkpoint, its rows and its dead letters in the same transaction."""

    def __init__(self, projection: Projection, codec: Codec) -> None:
        """`codec` reads every event type of the projection's source."""
        self._projection = projection
        self._codec = codec
        wanted = {event_type.topic() for event_type in projection.reads}
        self._passed_over = codec.topics - wanted

    async def fold(self, connection: asyncpg.Connection, batch: Sequence[Recorded], position: int) -> int:
        """Fold events that follow on `position`; answers the new position. Raises only what is not a fact's fault.

        `FromTheFuture` for a fact that newer code has recorded: what came before it is folded, it is not, and it is
        not put aside either, for the newer code will read it.
        """
        try:
            return await self._fold_together(connection, batch, position)
        except Exception as error:
            if _blameless(error, connection):
                raise
            log.warning("projection.batch_failed", projection=self._projection.name, error=repr(error))
        for recorded in batch:
            position = await self._fold_alone(connection, recorded, position)
        return position

    async def _fold_together(self, connection: asyncpg.Connection, batch: Sequence[Recorded], position: int) -> int:
        facts, failures, future = self._read(batch)
        if future is not None:
            batch = batch[: future[0]]
            if not batch:
                raise future[1]
        to = max(position, batch[-1].position)
        async with connection.transaction():
            await checkpoints.advance(connection, self._projection.name, position, to)
            if facts:
                await self._projection.apply(facts, connection)
            if failures:
                await self._put_aside(connection, failures)
        telemetry.PROJECTED.labels(self._projection.name).inc(len(facts))
        if future is not None:
            raise future[1]
        return to

    async def _fold_alone(self, connection: asyncpg.Connection, recorded: Recorded, position: int) -> int:
        delay = FIRST_DELAY_SECONDS
        for attempt in range(TRIES):
            try:
                return await self._fold_together(connection, [recorded], position)
            except Exception as error:
                if _blameless(error, connection):
                    raise
                failure = f"{type(error).__name__}: {error}"
            if attempt < TRIES - 1:
                await asyncio.sleep(delay)
                delay *= 2
        to = max(position, recorded.position)
        async with connection.transaction():
            await checkpoints.advance(connection, self._projection.name, position, to)
            await self._put_aside(connection, [(recorded, failure)])
        return to

    def _read(self, batch: Sequence[Recorded]) -> tuple[list[Fact], Failures, Future | None]:
        """Facts and failures, up to the first one that this code is too old for."""
        facts: list[Fact] = []
        failures: Failures = []
        for place, recorded in enumerate(batch):
            if recorded.topic in self._passed_over and recorded.position:
                continue
            try:
                if not recorded.position:
                    raise Unreadable("not published by a relay: it has no place in a ledger")
                event = self._codec.decode(recorded)
                facts.append(Fact(event, recorded.position, recorded.event_id, recorded.metadata))
            except FromTheFuture as error:
                return facts, failures, (place, error)
            except Unreadable as error:
                failures.append((recorded, f"{type(error).__name__}: {error}"))
        return facts, failures, None

    async def _put_aside(self, connection: asyncpg.Connection, failures: Failures) -> None:
        for recorded, error in failures:
            log.error(
                "projection.dead_letter",
                projection=self._projection.name,
                position=recorded.position,
                topic=recorded.topic,
                error=error,
            )
        telemetry.DEAD_LETTERS.labels(self._projection.name).inc(len(failures))
        await dead_letters.keep(connection, self._projection.name, self._projection.source, failures)


def _blameless(error: Exception, connection: asyncpg.Connection) -> bool:
    return isinstance(error, NOT_THE_FACT) or is_lost(connection)
