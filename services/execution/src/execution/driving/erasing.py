"""Forgetting what the runs of a user held, once access says that the user is erased."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

import asyncpg
from nats.aio.msg import Msg

from chassis import clock
from chassis.bus import Bus
from chassis.codec import Codec
from chassis.ids import plain_id
from chassis.leadership import Leadership
from chassis.ledger import Recorded, VersionConflict
from chassis.logs import get_logger
from chassis.overwriting import overwrite
from contracts import instance_events as facts
from contracts.access import UserErased
from contracts.checkpoint_events import CHECKPOINT_EVENTS, CheckpointThreadDeleted
from execution.domain.erasure import erased, to_be_erased
from execution.domain.instance import Instance
from execution.driving.records import CODEC, Records
from execution.langgraph.threads import thread_stream
from execution.middleware.contract import Tell
from execution.steering import orders
from execution.steering.mailbox import Address, owner_of

BY = "system:erasure"
"""Who ends what still runs."""
LOOK_SECONDS = 30.0
"""Between two looks, where nothing new is heard of."""
PATIENCE_SECONDS = 300.0
"""Who looks for longer stands still; when two look at once nothing is done wrongly."""
SETTLED_SECONDS = 60.0
"""So long after its end a run is left alone: by then its facts are published, so that none comes after the purge."""
BATCH = 50

USERS = "SELECT user_id FROM known_erasures ORDER BY user_id"
LIVING = "SELECT instance_id FROM workflow_instances WHERE user_id = $1 AND completed_at IS NULL LIMIT $2"
SETTLED = """
SELECT instance_id FROM workflow_instances
WHERE user_id = $1 AND NOT erased AND completed_at < clock_timestamp() - make_interval(secs => $2) LIMIT $3
"""
LEFT = "SELECT EXISTS (SELECT FROM workflow_instances WHERE user_id = $1 AND NOT erased)"
FORGET_ANSWERS = "DELETE FROM cache_entries WHERE instance_id = ANY($1::uuid[])"
FORGET_LETTERS = "DELETE FROM dead_letters WHERE event_id = ANY($1::uuid[])"

log = get_logger(__name__)


class Eraser:
    """One at a time over all workers. Whatever it has begun may be begun again: each step is done or not done."""

    def __init__(self, bus: Bus, pool: asyncpg.Pool, records: Records, tell: Tell) -> None:
        """`tell` records outside facts."""
        self.bus = bus
        self.pool = pool
        self.records = records
        self.tell = tell
        self.done: set[str] = set()
        self.news = asyncio.Event()

    async def run(self) -> None:
        """Look whenever access tells of an erasure, and now and then, until cancelled."""

        async def hear(_: Msg) -> None:
            self.news.set()

        await self.bus.nc.subscribe(self.bus.subject(UserErased.SERVICE, UserErased.topic(), "*"), cb=hear)
        while True:
            try:
                async with Leadership(self.pool, "eraser", silent_seconds=PATIENCE_SECONDS).held() as lead:
                    while True:
                        await lead.confirm()
                        await self.look()
                        self.news.clear()
                        with suppress(TimeoutError):
                            await asyncio.wait_for(self.news.wait(), LOOK_SECONDS)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look tries again
                log.warning("erasure.interrupted", error=repr(error))
                await asyncio.sleep(LOOK_SECONDS)

    async def look(self, settled_seconds: float = SETTLED_SECONDS) -> None:
        """End what still runs for users who are erased; forget what has ended."""
        for row in await self.pool.fetch(USERS):
            user_id = row["user_id"]
            if user_id in self.done:
                continue
            for instance_id in await self.ids(LIVING, user_id, BATCH):
                await self.tell(instance_id, end_it)
            while settled := await self.ids(SETTLED, user_id, settled_seconds, BATCH):
                await self.pool.execute(FORGET_ANSWERS, settled)
                if not [instance_id for instance_id in settled if await self.erase(instance_id)]:
                    break
            if not await self.pool.fetchval(LEFT, user_id):
                self.done.add(user_id)
                log.info("erasure.done")

    async def erase(self, instance_id: UUID) -> bool:
        """Put the content out of its facts, then off the stream, then say so; whether that was to be done."""
        recorded = await self.records.store.read(instance_id)
        history = [event for event in map(CODEC.decode, recorded) if isinstance(event, facts.InstanceEvent)]
        if not to_be_erased(history):
            return False
        beside = [*await self.thread_of(instance_id), *await self.signals_of(history)]
        await overwrite(self.pool, [*blanked(recorded, CODEC), *beside])
        await self.pool.execute(FORGET_LETTERS, [fact.event_id for fact in (*recorded, *beside)])
        for stream_id in {instance_id, *(fact.stream_id for fact in beside)}:
            await self.bus.js.purge_stream(
                self.bus.stream("execution"), subject=self.bus.subject("execution", "*", str(stream_id))
            )
        said = facts.InstanceErased(
            originator_id=instance_id,
            originator_version=history[-1].originator_version + 1,
            timestamp=clock.now(),
            by=BY,
        )
        try:
            await self.records.append([said])
        except VersionConflict:
            return False
        return True

    async def thread_of(self, instance_id: UUID) -> list[Recorded]:
        """What LangGraph saved of it, as a thread that is empty."""
        recorded = await self.records.store.read(thread_stream(str(instance_id)))
        codec = Codec(*CHECKPOINT_EVENTS)
        return [
            fact._replace(topic=CheckpointThreadDeleted.topic(), state=emptied(codec, fact, str(instance_id)))
            for fact in recorded
        ]

    async def signals_of(self, history: Sequence[facts.InstanceEvent]) -> list[Recorded]:
        """The signals that it took from the mailboxes of keys."""
        signals = (event for event in history if isinstance(event, facts.SignalReceived))
        taken = {signal.signal_id: signal for signal in signals if signal.key is not None}
        found: list[Recorded] = []
        request = facts.InstanceRequested.model_validate(history[0])
        owner = owner_of(request.user_id, request.team_id)
        for name, key in {(signal.name, signal.key or "") for signal in taken.values()}:
            stream_id = Address(request.blueprint_id, owner, name, key).stream_id
            posted = await self.records.store.read_of(stream_id, [facts.SignalPosted.topic()])
            found += [fact for fact in posted if getattr(CODEC.decode(fact), "signal_id", None) in taken]
        return blanked(found, CODEC)

    async def ids(self, query: str, *values: object) -> list[UUID]:
        """Instance ids that a query finds."""
        return [plain_id(row["instance_id"]) for row in await self.pool.fetch(query, *values)]


def end_it(instance: Instance) -> Sequence[facts.InstanceEvent]:
    """What ends a run at once; nothing when it has ended meanwhile."""
    return [] if instance.ended else orders.terminate(instance, BY, clock.now())


def blanked(recorded: Sequence[Recorded], codec: Codec) -> list[Recorded]:
    """The facts that hold content, without it."""
    changed: list[Recorded] = []
    for fact in recorded:
        event = codec.decode(fact)
        if isinstance(event, facts.InstanceEvent) and (blank := erased(event)) is not event:
            changed.append(fact._replace(state=blank.state()))
    return changed


def emptied(codec: Codec, fact: Recorded, thread_id: str) -> bytes:
    """The payload of a fact that says no more than that its thread is empty."""
    return CheckpointThreadDeleted(
        originator_id=fact.stream_id,
        originator_version=fact.version,
        timestamp=codec.decode(fact).timestamp,
        thread_id=thread_id,
    ).state()
