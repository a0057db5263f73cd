"""One storm from its beginning to its verdict: calm, bad weather, calm again, and the evidence of it all."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Self

from chassis.cancelling import cancel
from headrace.services import LEDGERS
from tests.chaos import gather, outside, stories
from tests.chaos.clients import Client
from tests.chaos.evidence import Evidence
from tests.chaos.history import History
from tests.chaos.invariants.recovery import USUAL_SHARE
from tests.chaos.launch import TELL_TASKS
from tests.chaos.nemesis import CLUSTER_FAULTS, FAULTS, Fault, Nemesis, plan
from tests.chaos.stack import ChaosStack
from tests.chaos.usage import used
from tests.chaos.watcher import Watcher
from tests.chaos.world import World

CLIENTS = 8
WINDOW_SECONDS = 2.0
WINDOWS = 20
AT_ONCE = 6
WARM_UP_STORIES = 4
SETTLED_CONNECTIONS_SECONDS = 2.0
READY_SECONDS = 60.0
BUGGY_STORIES_SECONDS = 5.0
"""A client may wait for ever for what a planted bug has lost."""


@dataclass(frozen=True, slots=True)
class Weather:
    """What is asked for: how long, from which seed, with which bugs and faults."""

    seed: int
    seconds: float
    only: Sequence[str] = ()
    bugs: Sequence[str] = ()
    cluster: bool = False

    @property
    def faults(self) -> dict[str, Fault]:
        """The faults of this house, or the ones that were asked for."""
        known = CLUSTER_FAULTS if self.cluster else FAULTS
        return {name: fault for name, fault in known.items() if not self.only or name in self.only}


@dataclass
class Storm:
    """A storm that has passed."""

    weather: Weather
    evidence: Evidence
    nemesis: Nemesis
    history: History
    folder: Path


async def pass_over(weather: Weather, say: Callable[[str], None]) -> Storm:
    """Start a house, let the storm pass over it, gather what is left; the folder is the caller's to remove."""
    folder = Path(tempfile.mkdtemp(prefix="hc-"))
    stack = ChaosStack(folder, say, bugs=weather.bugs, cluster=weather.cluster)
    try:
        await stack.start()
        return await _weathered(stack, weather, say)
    except BaseException:
        say(f"the logs are in {folder}")
        raise
    finally:
        await stack.stop()


async def _weathered(stack: ChaosStack, weather: Weather, say: Callable[[str], None]) -> Storm:
    world, history = World(stack), History()
    clients = await _clients(stack, weather, history)
    watcher = Watcher(world, list(LEDGERS))
    watching = asyncio.create_task(watcher.run())
    await asyncio.gather(*(client.story("straight") for client in clients for _ in range(WARM_UP_STORIES)))
    before = await used(world)
    usual = 0.0 if weather.bugs else await usual_rate(clients[0])
    say(f"calm: {usual:.1f} runs/s; the storm begins")
    over = asyncio.Event()
    living = [asyncio.create_task(client.live(over)) for client in clients]
    nemesis = Nemesis(world, say, dict(weather.faults))
    await nemesis.rage(plan(weather.seed, list(weather.faults)), weather.seconds)
    say("the storm is over")
    # What they have begun may take the slots for a while; nothing new is begun but what is measured.
    over.set()
    recovery = [] if weather.bugs else await recovered(clients[0], usual, world)
    say(f"runs/s since: {', '.join(f'{rate:.1f}' for _, rate in recovery) or 'not measured'}")
    await _gone(living, BUGGY_STORIES_SECONDS if weather.bugs else None)
    await world.ready(READY_SECONDS)
    if await gather.settled(world):
        say("clients have gone; what was under way has ended")
    else:
        say("it does not come to rest")
        tell_tasks(world)
    evidence = await _gathered(world, watcher)
    await cancel(watching)
    evidence.told, evidence.heard = history.entries, dict(watcher.heard)
    evidence.usual_rate, evidence.recovery = usual, recovery
    evidence.before, evidence.after = before, await used(world)
    for client in clients:
        await client.http.aclose()
    return Storm(weather, evidence, nemesis, history, stack.folder)


async def _gathered(world: World, watcher: Watcher) -> Evidence:
    """What is recorded, once the watcher has heard all of it."""
    evidence = await gather.gathered(world)
    await caught_up(watcher, evidence)
    evidence.ledgers = await gather.ledgers(world)
    evidence.effects = list(outside.read(world.stack.folder))
    return evidence


async def _clients(stack: ChaosStack, weather: Weather, history: History) -> list[Client]:
    """Everybody, with the blueprints made."""
    names = [f"{weather.seed}/{number}" for number in range(CLIENTS)]
    clients = [Client(stack.url, stack.secrets.jwt, history, name) for name in names]
    blueprints = await clients[0].create()
    for client in clients:
        client.blueprints = blueprints
        client.stories = stories.REVEALING if weather.bugs else ()
    return clients


async def _gone(living: Sequence[asyncio.Task[None]], patience: float | None) -> None:
    """Let stories come to their ends, or break them off."""
    _, late = await asyncio.wait(living, timeout=patience)
    await cancel(*late)
    await asyncio.gather(*living, return_exceptions=bool(late))


class Callers:
    """A few callers who ask for synchronous runs, one after the other, while the context lasts."""

    def __init__(self, client: Client) -> None:
        """They speak as `client`."""
        self.client = client
        self.done = 0
        self._calling: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """They begin to call."""
        self._calling = [asyncio.create_task(self._call()) for _ in range(AT_ONCE)]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Who still waits for an answer goes away."""
        await cancel(*self._calling)

    async def rate(self) -> float:
        """Completed runs a second in the window that begins now; who waits for one does not lengthen it."""
        began, before = monotonic(), self.done
        await asyncio.sleep(WINDOW_SECONDS)
        return (self.done - before) / (monotonic() - began)

    async def _call(self) -> None:
        while True:
            told = await self.client.begin("straight", f"pace {self.client.chance.getrandbits(64):x}", "sync", None)
            self.done += told.status == "completed"


async def usual_rate(client: Client) -> float:
    """The better of two windows before the storm."""
    async with Callers(client) as callers:
        return max([await callers.rate() for _ in range(2)])


async def recovered(client: Client, usual: float, world: World) -> list[tuple[float, float]]:
    """(seconds since the storm, rate) until it is as before or patience is over."""
    calm, found = monotonic(), []
    async with Callers(client) as callers:
        for _ in range(WINDOWS):
            began = monotonic() - calm
            found.append((began, await callers.rate()))
            if found[-1][1] >= usual * USUAL_SHARE:
                break
        else:
            tell_tasks(world)
    return found


def tell_tasks(world: World) -> None:
    """Let every service write to its log where its tasks stand, for whoever looks into a failure."""
    for service in world.stack.services:
        world.send(service, TELL_TASKS)


async def caught_up(watcher: Watcher, evidence: Evidence) -> None:
    """Let the watcher hear the last facts."""
    with suppress(TimeoutError):
        async with asyncio.timeout(READY_SECONDS):
            for service, head in evidence.heads.items():
                while max((heard.position for heard in watcher.heard[service]), default=0) < head:
                    await asyncio.sleep(0.1)


def forget(storm: Storm) -> None:
    """Remove the house."""
    shutil.rmtree(storm.folder, ignore_errors=True)
