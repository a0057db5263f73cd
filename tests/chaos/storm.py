"""One storm from its beginning to its verdict: calm, bad weather, calm again, and the evidence of it all."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from chassis.cancelling import cancel
from headrace.services import LEDGERS
from tests.chaos import gather, outside, stories
from tests.chaos.clients import Client
from tests.chaos.evidence import Evidence
from tests.chaos.history import History
from tests.chaos.invariants.recovery import USUAL_SHARE
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
    over = asyncio.Event()
    living = [asyncio.create_task(client.live(over)) for client in clients]
    usual = 0.0 if weather.bugs else max([await rate(clients[0]), await rate(clients[0])])
    say(f"calm: {usual:.1f} runs/s beside what the clients do; the storm begins")
    nemesis = Nemesis(world, say, dict(weather.faults))
    await nemesis.rage(plan(weather.seed, list(weather.faults)), weather.seconds)
    say("the storm is over")
    recovery = [] if weather.bugs else await recovered(clients[0], usual)
    over.set()
    await _gone(living, BUGGY_STORIES_SECONDS if weather.bugs else None)
    await world.ready(READY_SECONDS)
    say(
        "clients have gone; what was under way has ended" if await gather.settled(world) else "it does not come to rest"
    )
    evidence = await gather.gathered(world)
    await caught_up(watcher, evidence)
    await cancel(watching)
    evidence.ledgers = await gather.ledgers(world)
    evidence.told, evidence.heard = history.entries, dict(watcher.heard)
    evidence.effects = list(outside.read(stack.folder))
    evidence.usual_rate, evidence.recovery = usual, recovery
    evidence.before, evidence.after = before, await used(world)
    for client in clients:
        await client.http.aclose()
    return Storm(weather, evidence, nemesis, history, stack.folder)


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


async def rate(client: Client) -> float:
    """Synchronous runs a second, for a short while, as a few callers at once get them."""
    until, done = monotonic() + WINDOW_SECONDS, 0

    async def call() -> None:
        nonlocal done
        while monotonic() < until:
            told = await client.begin("straight", f"pace {client.chance.getrandbits(64):x}", "sync", None)
            done += told.status == "completed"

    began = monotonic()
    await asyncio.gather(*(call() for _ in range(AT_ONCE)))
    return done / (monotonic() - began)


async def recovered(client: Client, usual: float) -> list[tuple[float, float]]:
    """Rates after the storm, until it is as before or patience is over."""
    calm, found = monotonic(), []
    for _ in range(WINDOWS):
        began = monotonic() - calm
        found.append((began, await rate(client)))
        if found[-1][1] >= usual * USUAL_SHARE:
            break
    return found


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
