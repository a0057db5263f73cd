"""One instance in memory: decide, commit, act, and again, until it ends or rests."""

import asyncio
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis import clock
from chassis.ledger import Append
from chassis.logs import bind, get_logger
from execution.domain.decisions.advancing import hand_over
from execution.domain.decisions.finishing import Outcome, settle
from execution.domain.instance import Instance
from execution.domain.turn import Turn
from execution.domain.visits import Visit
from execution.driving.contention import insist
from execution.driving.effects import Effects
from execution.driving.records import Records, beside
from execution.driving.sessions import open_session
from execution.driving.watching import HARD_CANCEL_SECONDS
from execution.executors.strategy import Session
from execution.nodes.action import Cancellation
from execution.pipeline import Pipeline

TRY_AGAIN_SECONDS = 1.0
"""After the ledger could not be reached."""

log = get_logger(__name__)


class Abandoned(Exception):
    """Another worker owns the instance: everything in hand is dropped, nothing more is recorded here."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What every run needs, shared by all of them."""

    records: Records
    pipeline: Pipeline
    effects: Effects


@dataclass(slots=True)
class InFlight:
    """An attempt that runs in this process."""

    task: asyncio.Task[None]
    cancellation: Cancellation


class Run:
    """Drives one instance. Only its own task touches the instance; others hand in results or say that there is news."""

    def __init__(self, instance: Instance, worker_id: UUID, shop: Workshop, traceparent: str | None = None) -> None:
        """`instance` has been claimed by `worker_id`, or will be by the first turn."""
        self.instance = instance
        self.worker_id = worker_id
        self.shop = shop
        self.traceparent = traceparent
        self.epoch = 0
        self.in_hand: list[tuple[Visit, int, Outcome]] = []
        self.in_flight: dict[tuple[Visit, int], InFlight] = {}
        self.session: Session | None = None
        """The executor's, where it works beside the turns."""
        self.news = asyncio.Event()
        self.stale = False
        """Whether the ledger may hold more than is known here."""
        self.spoilt = False
        """Whether the instance holds what the ledger does not: a turn that could not be committed."""
        self.unfinished = False
        self.draining = False
        self.begun: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """Whether the first turn made this worker the owner, once that is known."""
        self.left = asyncio.Event()
        """Set when this process drives the instance no more: ended, resting or another worker's."""

    @property
    def at_rest(self) -> bool:
        """Whether there is nothing to do here any more."""
        return self.instance.ended or self.instance.status in ("waiting", "paused")

    def drain(self) -> None:
        """Begin no further node; rest as soon as those in flight are done."""
        self.draining = True
        self.news.set()

    def poke(self) -> None:
        """Somebody recorded an outside fact: read it at once."""
        self.stale = True
        self.news.set()

    async def begin(self, turn: Turn, also: tuple[Append, ...] = ()) -> None:
        """Commit the first turn, which makes this worker the owner; raises `VersionConflict` if another one is."""
        await self.commit(turn, also)
        self.epoch = self.instance.epoch

    async def live(self) -> None:
        """Go on until the instance ends, rests, or belongs to another worker."""
        with bind(instance_id=str(self.instance.id)):
            try:
                if not self.at_rest:
                    self.session = open_session(self.instance, self.shop.records, self.news.set)
                while not self.at_rest:
                    self.begin_effects()
                    await self.wait_for_news()
                    await self.decide()
                if self.session is not None:
                    await self.session.rest()
            except Abandoned:
                log.info("run.abandoned", epoch=self.epoch)
            finally:
                self.cancel_effects(keep=frozenset())
                if self.session is not None:
                    self.session.stop()

    async def wait_for_news(self) -> None:
        """Until a result, an outside fact, a timer or the deadline."""
        if not self.unfinished and not self.in_hand and not self.stale:
            due = self.instance.wakes_at
            if due is None:
                await self.news.wait()
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds_until(due)):
                        await self.news.wait()
        self.news.clear()

    async def decide(self) -> None:
        """Turn what is in hand into facts and commit them; after a conflict, decide again with the same results."""
        while True:
            try:
                return await insist(self.take_current_turn)
            except Abandoned:
                raise
            except Exception:
                log.exception("run.not_recorded")
                self.stale = True
                await asyncio.sleep(TRY_AGAIN_SECONDS)

    async def take_current_turn(self) -> None:
        """A turn from what is recorded; raises `VersionConflict` when somebody else recorded something meanwhile."""
        if self.stale:
            await self.reload()
        try:
            await self.take_turn()
        except BaseException:
            self.stale = self.spoilt = True
            raise

    async def take_turn(self) -> None:
        """One round of decisions, committed."""
        settled = len(self.in_hand)
        turn = Turn(self.instance, clock.now(), self.session)
        for visit, attempt, outcome in self.in_hand[:settled]:
            settle(turn, visit, attempt, outcome)
        if self.draining and not self.instance.ended:
            await self.shop.pipeline.hear(turn)
            if not self.in_flight:
                hand_over(turn)
        else:
            await self.shop.pipeline.drain(turn)
        await self.commit(turn)
        del self.in_hand[:settled]

    async def commit(self, turn: Turn, also: tuple[Append, ...] = ()) -> None:
        """Make the turn's facts durable, then tell the observers."""
        self.unfinished = turn.is_full
        if not turn.events:
            return
        await self.shop.records.append(turn.events, self.traceparent, (*beside(turn.beside), *also))
        if self.session is not None:
            self.session.hear(turn.events, self.instance)
        self.cancel_unwanted()
        try:
            await self.shop.pipeline.committed(turn.events, self.instance)
        except Exception:
            log.exception("run.observer_failed")

    async def reload(self) -> None:
        """Read the instance as recorded; raises `Abandoned` when it has another owner."""
        known = 0 if self.spoilt else self.instance.version
        history = await self.shop.records.history(self.instance.id, known)
        if self.spoilt:
            self.instance = Instance(self.instance.id, self.instance.graph)
        instance, self.spoilt = self.instance, True
        for event in history:
            instance.apply(event)
        self.stale = self.spoilt = False
        if not instance.ended and (instance.worker_id, instance.epoch) != (self.worker_id, self.epoch):
            raise Abandoned
        if self.session is not None:
            self.session.hear(history, instance)

    def begin_effects(self) -> None:
        """Start what is recorded as in flight and does not run yet; stop what is not wanted any more."""
        self.cancel_unwanted()
        for visit, attempt in self.wanted:
            if (visit, attempt) not in self.in_flight and not self.is_in_hand(visit, attempt):
                cancellation = Cancellation()
                task = asyncio.create_task(self.act(visit, attempt, cancellation))
                self.in_flight[visit, attempt] = InFlight(task, cancellation)

    @property
    def wanted(self) -> set[tuple[Visit, int]]:
        """The attempts that are recorded as in flight."""
        return {(visit, attempt.number) for visit, attempt in self.instance.running.items()}

    def is_in_hand(self, visit: Visit, attempt: int) -> bool:
        """Whether the attempt is done and only waits to be recorded."""
        return any(done == visit and number == attempt for done, number, _ in self.in_hand)

    async def act(self, visit: Visit, attempt: int, cancellation: Cancellation) -> None:
        """Run one attempt and put its result in hand; one that was given up before it could begin does not."""
        if cancellation.cancelled:
            return
        outcome = await self.shop.effects.perform(self.instance, visit, attempt, cancellation, self.traceparent)
        if self.in_flight.pop((visit, attempt), None) is not None:
            self.in_hand.append((visit, attempt, outcome))
            self.news.set()

    def cancel_unwanted(self) -> None:
        """Stop what is not recorded as in flight any more."""
        if self.in_flight:
            self.cancel_effects(keep=self.wanted)

    def cancel_effects(self, keep: AbstractSet[tuple[Visit, int]]) -> None:
        """Tell the other attempts to stop, and stop those that do not listen a little later."""
        for key in [key for key in self.in_flight if key not in keep]:
            flight = self.in_flight.pop(key)
            flight.cancellation.cancel()
            asyncio.get_running_loop().call_later(HARD_CANCEL_SECONDS, flight.task.cancel)


def seconds_until(moment: datetime) -> float:
    """Seconds from now, not negative."""
    return max(0.0, (moment - clock.now()).total_seconds())
