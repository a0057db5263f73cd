"""Does one bad thing after the other, sometimes two at once; what and when follows from the seed."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from time import monotonic

from tests.chaos.faults import (
    bus_lost,
    clock,
    cluster,
    database_lost,
    disk_full,
    frozen,
    killed,
    ledger,
    messages,
    network,
)
from tests.chaos.world import CannotInject, World

Fault = Callable[[World, Random], Awaitable[None]]

FAULTS: dict[str, Fault] = {
    "service-killed": killed.a_service,
    "relay-killed-mid-publish": killed.the_relay_in_the_middle_of_a_message,
    "worker-killed-after-effect": killed.a_worker_between_effect_and_append,
    "workers-killed-with-work-waiting": killed.all_workers_with_work_waiting,
    "service-frozen": frozen.a_service,
    "worker-frozen-past-lease": frozen.a_worker_past_its_lease,
    "leader-frozen": frozen.a_leader,
    "nats-frozen": frozen.a_server,
    "nats-killed": bus_lost.restarted,
    "nats-wiped": bus_lost.wiped,
    "streams-deleted": bus_lost.streams_deleted,
    "postgres-restarted": database_lost.restarted,
    "postgres-crashed": database_lost.crashed,
    "connections-cut": network.cut,
    "connections-delayed": network.delayed,
    "connections-swallow": network.swallowed,
    "disk-full-nats": disk_full.of_nats,
    "disk-full-postgres": disk_full.of_postgres,
    "clock-jumps": clock.jumps,
    "messages-repeated": messages.repeated_and_reordered,
    "messages-poisoned": messages.poisoned,
    "facts-unreadable": ledger.unreadable,
    "facts-of-older-version": ledger.of_an_older_version,
}
"""In a house with one NATS server."""
CLUSTER_FAULTS: dict[str, Fault] = {
    "cluster-node-killed": cluster.a_node_killed,
    "cluster-leader-moved": cluster.the_leader_moved,
    "cluster-leader-killed": cluster.the_leader_killed,
}
"""In a house with three."""
PAUSE_SECONDS = (0.2, 1.5)
FAULT_SECONDS = 120.0
TWO_AT_ONCE = 0.2
CHANCES = 4
"""So often a fault that was asked for is tried before it is told as not run."""
MANY = 5
"""Fewer kinds of faults come one after the other: somebody wants to see what each does."""
ROUNDS = 200


@dataclass(frozen=True, slots=True)
class Step:
    """One bad thing; `seed` makes its own choices, `beside` lets the next one begin at the same time."""

    fault: str
    seed: int
    pause: float
    beside: bool


def plan(seed: int, names: Sequence[str]) -> "list[Step]":
    """The order of things to come, longer than any storm: each fault once in a round, in an order of its own."""
    chance = Random(f"{seed}/plan")
    at_once = TWO_AT_ONCE if len(names) > MANY else 0.0
    rounds = (chance.sample(sorted(names), len(names)) for _ in range(ROUNDS))
    return [
        Step(name, chance.getrandbits(32), chance.uniform(*PAUSE_SECONDS), chance.random() < at_once)
        for names_in_order in rounds
        for name in names_in_order
    ]


@dataclass
class Nemesis:
    """Works through its plan until the storm is over."""

    world: World
    say: Callable[[str], None]
    faults: dict[str, Fault]
    injected: Counter[str] = field(default_factory=Counter)
    not_run: dict[str, str] = field(default_factory=dict)

    async def rage(self, steps: Sequence[Step], seconds: float) -> None:
        """One step after the other; if few faults were asked for, until each has struck or has had its chances."""
        until = monotonic() + seconds
        beside: set[asyncio.Task[None]] = set()
        for number, step in enumerate(steps):
            if monotonic() >= until and self._has_had_its_say(number):
                break
            await asyncio.sleep(step.pause)
            task = asyncio.create_task(self.do(step))
            beside.add(task)
            if not step.beside:
                await asyncio.gather(*beside)
                beside.clear()
                await self.world.ready()
        await asyncio.gather(*beside)
        for name in self.faults:
            if self.injected[name]:
                self.not_run.pop(name, None)
            else:
                self.not_run.setdefault(name, "the storm was over before its turn")

    def _has_had_its_say(self, steps: int) -> bool:
        if len(self.faults) == len(FAULTS):
            return True
        return all(self.injected[name] for name in self.faults) or steps >= CHANCES * len(self.faults)

    async def do(self, step: Step) -> None:
        """Inject one fault and take it back; says why where it could not."""
        try:
            self.say(f"fault: {step.fault}")
            async with asyncio.timeout(FAULT_SECONDS):
                await self.faults[step.fault](self.world, Random(step.seed))
        except CannotInject as reason:
            self.not_run.setdefault(step.fault, str(reason))
        except Exception as error:  # noqa: BLE001 - other faults at the same time may keep it from its work
            self.not_run.setdefault(step.fault, f"it got lost on the way: {error!r}")
            self.say(f"fault {step.fault} got lost on the way: {error!r}")
        else:
            self.injected[step.fault] += 1
